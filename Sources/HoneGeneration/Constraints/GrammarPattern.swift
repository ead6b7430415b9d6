/// Reads regular expressions as grammars: literals, `.`, classes, groups, `|`, `*`, `+`, `?`, `{m,n}`,
/// and the escapes `\d \D \w \W \s \S \n \r \t \uXXXX`.
///
/// What looks around, refers back or is lazy is refused by name.
struct GrammarPattern {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private let pattern: String

  private init(_ pattern: String) {
    self.pattern = pattern
    scalars = Array(pattern.unicodeScalars)
  }

  /// The grammar of a pattern.
  ///
  /// - Parameters:
  ///   - isAnchored: whether the whole text must match, also without `^` and `$`.
  ///   - character: what a character of a set is in the text.
  /// - Throws: ``GenerationError`` with the pattern and the place.
  static func grammar(
    _ pattern: String, isAnchored: Bool = true,
    character: @escaping ([ClosedRange<UInt32>]) -> Grammar = { .character($0) }
  ) throws -> Grammar {
    var reader = GrammarPattern(pattern)
    var ends = false
    let begins = reader.take("^")
    let grammar = try reader.choice(character, ends: &ends)
    guard reader.position == reader.scalars.count else { throw reader.fault("has a ) too many") }
    if case .choice = grammar, begins || ends {
      throw reader.fault("has ^ or $ beside |; put the options into a group")
    }
    if isAnchored { return grammar }
    let anything = Grammar.repeated(character(CodePoints.all), 0, nil)
    return .sequence((begins ? [] : [anything]) + [grammar] + (ends ? [] : [anything]))
  }

  private func fault(_ problem: String) -> GenerationError {
    GenerationError(problem: "the pattern \"\(pattern)\" \(problem), at character \(position + 1)")
  }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    position += 1
    return true
  }

  private typealias Maker = ([ClosedRange<UInt32>]) -> Grammar

  private mutating func choice(_ make: Maker, ends: inout Bool) throws -> Grammar {
    var options = [try sequence(make, ends: &ends)]
    while take("|") {
      guard !ends else { throw fault("has $ before its end, which is not supported") }
      options.append(try sequence(make, ends: &ends))
    }
    return options.count == 1 ? options[0] : .choice(options)
  }

  private mutating func sequence(_ make: Maker, ends: inout Bool) throws -> Grammar {
    var parts: [Grammar] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      if scalar == "$" {
        position += 1
        guard next == nil else { throw fault("has $ before its end, which is not supported") }
        ends = true
        break
      }
      parts.append(try repeated(try atom(make, ends: &ends)))
    }
    return .sequence(parts)
  }

  private mutating func repeated(_ part: Grammar) throws -> Grammar {
    var part = part
    while let scalar = next, "*+?{".unicodeScalars.contains(scalar) {
      position += 1
      switch scalar {
      case "*": part = .repeated(part, 0, nil)
      case "+": part = .repeated(part, 1, nil)
      case "?": part = .repeated(part, 0, 1)
      default: part = try counted(part)
      }
      if next == "?" || next == "+" { throw fault("is lazy or possessive, which is not supported") }
    }
    return part
  }

  private mutating func counted(_ part: Grammar) throws -> Grammar {
    func number() -> Int? {
      var digits = ""
      while let scalar = next, ("0"..."9").contains(scalar), digits.count < 5 {
        digits.unicodeScalars.append(scalar)
        position += 1
      }
      return Int(digits)
    }
    guard let least = number() else { throw fault("has { without a number") }
    var most: Int? = least
    if take(",") { most = number() }
    guard take("}"), most.map({ $0 >= least }) ?? true else { throw fault("has a wrong {m,n}") }
    return .repeated(part, least, most)
  }

  private mutating func atom(_ make: Maker, ends: inout Bool) throws -> Grammar {
    guard let scalar = next else { throw fault("ends too early") }
    position += 1
    switch scalar {
    case "(":
      if take("?") { guard take(":") else { throw fault("looks around, which is not supported") } }
      let inner = try choice(make, ends: &ends)
      guard !ends else { throw fault("has $ in a group, which is not supported") }
      guard take(")") else { throw fault("has a ( too many") }
      return inner
    case "[": return make(try set())
    case ".": return make(CodePoints.complement([0x0A...0x0A]))
    case "\\": return make(try escaped())
    case "^": throw fault("has ^ after its beginning, which is not supported")
    case "*", "+", "?", "{": throw fault("repeats nothing")
    default: return make([scalar.value...scalar.value])
    }
  }

  private static let digits: [ClosedRange<UInt32>] = [0x30...0x39]
  private static let wordCharacters: [ClosedRange<UInt32>] = [
    0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A,
  ]
  private static let spaces: [ClosedRange<UInt32>] = [0x09...0x0D, 0x20...0x20, 0xA0...0xA0]

  private mutating func escaped() throws -> [ClosedRange<UInt32>] {
    guard let scalar = next else { throw fault("ends with \\") }
    position += 1
    switch scalar {
    case "d": return Self.digits
    case "D": return CodePoints.complement(Self.digits)
    case "w": return Self.wordCharacters
    case "W": return CodePoints.complement(Self.wordCharacters)
    case "s": return Self.spaces
    case "S": return CodePoints.complement(Self.spaces)
    case "n": return [0x0A...0x0A]
    case "r": return [0x0D...0x0D]
    case "t": return [0x09...0x09]
    case "u":
      let digits = String(String.UnicodeScalarView(scalars[position...].prefix(4)))
      guard digits.count == 4, let code = UInt32(digits, radix: 16),
        Unicode.Scalar(code) != nil
      else { throw fault("has a wrong \\u") }
      position += 4
      return [code...code]
    default:
      guard !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
        throw fault("has \\\(scalar), which is not supported")
      }
      return [scalar.value...scalar.value]
    }
  }

  private mutating func set() throws -> [ClosedRange<UInt32>] {
    let isNegated = take("^")
    var ranges: [ClosedRange<UInt32>] = []
    var isFirst = true
    while let scalar = next, scalar != "]" || isFirst {
      isFirst = false
      position += 1
      let low = scalar == "\\" ? try escaped() : [scalar.value...scalar.value]
      guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]",
        low.count == 1, low[0].count == 1
      else {
        ranges += low
        continue
      }
      position += 1
      guard let end = next else { throw fault("has a [ too many") }
      position += 1
      let high = end == "\\" ? try escaped() : [end.value...end.value]
      guard high.count == 1, high[0].count == 1, low[0].lowerBound <= high[0].lowerBound else {
        throw fault("has a range of the wrong order")
      }
      ranges.append(low[0].lowerBound...high[0].lowerBound)
    }
    guard take("]") else { throw fault("has a [ too many") }
    let joined = CodePoints.intersection(CodePoints.joined(ranges), CodePoints.all)
    let result = isNegated ? CodePoints.complement(joined) : joined
    guard !result.isEmpty else { throw fault("has an empty set") }
    return result
  }
}

extension Grammar {
  /// The texts that a regular expression matches as a whole.
  ///
  /// - Throws: ``GenerationError`` with the place of what is wrong or not supported.
  package static func pattern(_ pattern: String) throws -> Grammar {
    try GrammarPattern.grammar(pattern)
  }
}
