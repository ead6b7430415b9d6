/// Reads a bracketed set of a regular expression, or one escaped character or class.
struct SetParser {
  struct Failure: Error { let problem: String }

  private let scalars: [UInt32]
  private(set) var position: Int
  private let ignoresCase: Bool
  private var depth = 0

  init(scalars: [UInt32], position: Int, ignoresCase: Bool) {
    self.scalars = scalars
    self.position = position
    self.ignoresCase = ignoresCase
  }

  private var next: Unicode.Scalar? {
    position < scalars.count ? Unicode.Scalar(scalars[position]) : nil
  }

  /// Reads a set whose opening bracket has been read, up to and with its closing one.
  mutating func set() throws(Failure) -> CodePointSet {
    depth += 1
    defer { depth -= 1 }
    guard depth < 20 else { throw Failure(problem: "has sets nested too deeply") }
    let isNegated = next == "^"
    if isNegated { position += 1 }
    var result: CodePointSet?
    var ranges: [ClosedRange<UInt32>] = []
    var isFirst = true
    while let character = next, character != "]" || isFirst {
      if character == "&", position + 1 < scalars.count, scalars[position + 1] == 38 {
        position += 2
        let part = CodePointSet(ranges)
        result = result?.intersection(part) ?? part
        ranges = []
      } else {
        ranges += try item()
      }
      isFirst = false
    }
    guard next == "]" else { throw Failure(problem: "has a '[' without ']'") }
    position += 1
    var set = CodePointSet(ranges)
    if let result { set = result.intersection(set) }
    if ignoresCase { set = set.closedUnderCase }
    return isNegated ? set.inverted : set
  }

  /// A nested set, a class, a character or a range of characters.
  private mutating func item() throws(Failure) -> [ClosedRange<UInt32>] {
    if next == "[" {
      if let named = try posixSet() { return named.ranges }
      position += 1
      return try set().ranges
    }
    let first = try member()
    guard next == "-", position + 1 < scalars.count, scalars[position + 1] != 93 else {
      return first.ranges
    }
    guard let low = first.singlePoint else { throw Failure(problem: "has a range of classes") }
    position += 1
    guard let high = try member().singlePoint else {
      throw Failure(problem: "has a range that ends in a class")
    }
    guard low <= high else { throw Failure(problem: "has a range that runs backwards") }
    return [low...high]
  }

  private mutating func member() throws(Failure) -> CodePointSet {
    guard let character = next else { throw Failure(problem: "ends inside a set") }
    position += 1
    if character == "\\" {
      if next == "b" {
        position += 1
        return CodePointSet(8...8)
      }
      return try escapedSet()
    }
    return CodePointSet(character.value...character.value)
  }

  /// `[:alpha:]`; nil, with nothing read, when something else stands here.
  private mutating func posixSet() throws(Failure) -> CodePointSet? {
    guard position + 1 < scalars.count, scalars[position + 1] == 58 else { return nil }
    var end = position + 2
    while end < scalars.count, scalars[end] != 58 { end += 1 }
    guard end + 1 < scalars.count, scalars[end + 1] == 93 else { return nil }
    var name = Self.text(scalars[position + 2..<end])
    let isNegated = name.hasPrefix("^")
    if isNegated { name.removeFirst() }
    guard let set = CharacterSets.named(name) else {
      throw Failure(problem: "names a set [:\(name):] that is not supported")
    }
    position = end + 2
    return isNegated ? set.inverted : set
  }

  /// What stands after a backslash: a class or one character.
  mutating func escapedSet() throws(Failure) -> CodePointSet {
    guard let character = next else { throw Failure(problem: "ends in a backslash") }
    position += 1
    switch character {
    case "s": return CharacterSets.space
    case "S": return CharacterSets.space.inverted
    case "d": return CharacterSets.decimalDigit
    case "D": return CharacterSets.decimalDigit.inverted
    case "w", "W":
      let word = depth > 0 ? CharacterSets.wordInSet : CharacterSets.word
      return character == "w" ? word : word.inverted
    case "h": return CharacterSets.hexadecimalDigit
    case "H": return CharacterSets.hexadecimalDigit.inverted
    case "p", "P": return try property(isNegated: character == "P")
    case "n": return single(10)
    case "t": return single(9)
    case "r": return single(13)
    case "f": return single(12)
    case "v": return single(11)
    case "a": return single(7)
    case "e": return single(27)
    case "0": return single(0)
    case "x", "u": return single(try hexadecimal(digits: character == "x" ? 2 : 4))
    default:
      guard !character.properties.isAlphabetic || character.value > 127 else {
        throw Failure(problem: "uses '\\\(character)', which is not supported")
      }
      return single(character.value)
    }
  }

  private func single(_ point: UInt32) -> CodePointSet {
    let set = CodePointSet(point...point)
    return ignoresCase ? set.closedUnderCase : set
  }

  private mutating func property(isNegated: Bool) throws(Failure) -> CodePointSet {
    var isNegated = isNegated
    var name = ""
    if next == "{" {
      guard let end = scalars[position...].firstIndex(of: 125) else {
        throw Failure(problem: "has a '\\p{' without '}'")
      }
      name = Self.text(scalars[position + 1..<end])
      position = end + 1
      if name.hasPrefix("^") {
        isNegated.toggle()
        name.removeFirst()
      }
    } else if let character = next {
      name = String(character)
      position += 1
    }
    guard let set = CharacterSets.named(name) else {
      throw Failure(problem: "names a property '\(name)' that is not supported")
    }
    return isNegated ? set.inverted : set
  }

  private mutating func hexadecimal(digits: Int) throws(Failure) -> UInt32 {
    var text = ""
    if next == "{", let end = scalars[position...].firstIndex(of: 125) {
      text = Self.text(scalars[position + 1..<end])
      position = end + 1
    } else {
      while text.count < digits, let character = next,
        CharacterSets.hexadecimalDigit.contains(character.value)
      {
        text.unicodeScalars.append(character)
        position += 1
      }
    }
    guard let value = UInt32(text, radix: 16), value < 0x110000 else {
      throw Failure(problem: "has a hexadecimal character '\(text)' that does not exist")
    }
    return value
  }

  private static func text(_ scalars: ArraySlice<UInt32>) -> String {
    String(String.UnicodeScalarView(scalars.compactMap(Unicode.Scalar.init)))
  }
}

extension CodePointSet {
  fileprivate var singlePoint: UInt32? {
    ranges.count == 1 && ranges[0].count == 1 ? ranges[0].lowerBound : nil
  }

  /// The set with each member's other cases, one character to one (so "ſ" and "K" for s and k).
  ///
  /// Large sets, such as categories, are taken to hold them already.
  var closedUnderCase: CodePointSet {
    guard count <= 2000 else { return self }
    var points: [UInt32] = []
    for point in ranges.joined() {
      guard let scalar = Unicode.Scalar(point) else { continue }
      let folded = Self.folded(scalar)
      // Everything with the same folding, among the few characters that can have it.
      for candidate in Self.cases(of: scalar) + Self.cases(of: folded) + Self.oddCases
      where Self.folded(candidate) == folded {
        points.append(candidate.value)
      }
    }
    return union(CodePointSet(points))
  }

  private static let oddCases: [Unicode.Scalar] = ["\u{17F}", "\u{212A}", "\u{212B}", "\u{1E9E}"]

  private static func cases(of scalar: Unicode.Scalar) -> [Unicode.Scalar] {
    let properties = scalar.properties
    return [properties.lowercaseMapping, properties.uppercaseMapping, properties.titlecaseMapping]
      .filter { $0.unicodeScalars.count == 1 }.flatMap(\.unicodeScalars)
  }

  private static func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    let upper = scalar.properties.uppercaseMapping.unicodeScalars
    let base = upper.count == 1 ? upper.first! : scalar
    let lower = base.properties.lowercaseMapping.unicodeScalars
    return lower.count == 1 ? lower.first! : base
  }
}
