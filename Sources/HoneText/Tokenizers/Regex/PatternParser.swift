/// Reads a regular expression as the tokenizers library does, whose engine is Oniguruma with Ruby's
/// syntax: `^` and `$` are about lines, `\h` is a hexadecimal digit, `{1,3}+` repeats `{1,3}`.
struct PatternParser {
  private let scalars: [UInt32]
  private let pattern: String
  private var position = 0
  private var depth = 0
  private var ignoresCase = false
  private var ignoresSpace = false
  private var dotMatchesNewline = false

  private static let maximumDepth = 100

  /// - Throws: ``TextError`` for a pattern that is wrong or uses what is not supported.
  static func parse(_ pattern: String) throws -> PatternNode {
    var parser = PatternParser(pattern)
    let node = try parser.alternatives()
    guard parser.position == parser.scalars.count else { throw parser.error("has a ')' too many") }
    return node
  }

  private init(_ pattern: String) {
    self.pattern = pattern
    scalars = pattern.unicodeScalars.map(\.value)
  }

  private func error(_ problem: String) -> TextError {
    TextError(
      subject: "regular expression \"\(pattern.prefix(200))\"", place: "character \(position + 1)",
      problem: problem)
  }

  private var next: Unicode.Scalar? {
    position < scalars.count ? Unicode.Scalar(scalars[position]) : nil
  }

  private func isNext(_ text: String) -> Bool {
    scalars[position...].starts(with: text.unicodeScalars.lazy.map(\.value))
  }

  private mutating func take(_ text: String) -> Bool {
    guard isNext(text) else { return false }
    position += text.unicodeScalars.count
    return true
  }

  private mutating func alternatives() throws -> PatternNode {
    depth += 1
    defer { depth -= 1 }
    guard depth < Self.maximumDepth else { throw error("is nested too deeply") }
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .alternatives(branches)
  }

  private mutating func sequence() throws -> PatternNode {
    var items: [PatternNode] = []
    while let character = next, character != "|", character != ")" {
      if ignoresSpace, skipExtendedSpace() { continue }
      // (?i) without a colon holds to the end of the group, alternatives included.
      if let rest = try inlineFlags() {
        items.append(rest)
        continue
      }
      let item = try atom()
      items.append(try quantified(item))
    }
    return items.count == 1 ? items[0] : items.isEmpty ? .empty : .sequence(items)
  }

  private mutating func skip(to end: Unicode.Scalar) {
    while let character = next, character != end { position += 1 }
  }

  private mutating func skipExtendedSpace() -> Bool {
    switch next {
    case " ", "\t", "\n", "\r", "\u{0B}", "\u{0C}":
      position += 1
      return true
    case "#":
      skip(to: "\n")
      return true
    default: return false
    }
  }

  /// `(?i)`: reads the flags and then everything up to the end of the group.
  private mutating func inlineFlags() throws -> PatternNode? {
    guard isNext("(?") else { return nil }
    let start = position
    let saved = (ignoresCase, ignoresSpace, dotMatchesNewline)
    position += 2
    guard try readFlags(), take(")") else {
      position = start
      (ignoresCase, ignoresSpace, dotMatchesNewline) = saved
      return nil
    }
    let rest = try alternatives()
    (ignoresCase, ignoresSpace, dotMatchesNewline) = saved
    return rest
  }

  /// Reads flags such as `i-m`; false when something else stands here.
  private mutating func readFlags() throws -> Bool {
    var isOn = true
    var found = false
    while let character = next {
      switch character {
      case "i": ignoresCase = isOn
      case "x": ignoresSpace = isOn
      case "m": dotMatchesNewline = isOn
      case "-": isOn = false
      default: return found
      }
      found = true
      position += 1
    }
    return found
  }

  private mutating func atom() throws -> PatternNode {
    guard let character = next else { throw error("ends too early") }
    position += 1
    switch character {
    case ".":
      let newline = CodePointSet(10...10)
      return .set(dotMatchesNewline ? .everything : newline.inverted)
    case "^": return .lineStart
    case "$": return .lineEnd
    case "[":
      var parser = SetParser(scalars: scalars, position: position, ignoresCase: ignoresCase)
      defer { position = parser.position }
      do { return .set(try parser.set()) } catch {
        position = parser.position
        throw self.error(error.problem)
      }
    case "(": return try group()
    case "\\": return try escape()
    case "*", "+", "?": throw error("has nothing to repeat before '\(character)'")
    default: return .set(folded(CodePointSet(character.value...character.value)))
    }
  }

  private func folded(_ set: CodePointSet) -> CodePointSet {
    ignoresCase ? set.closedUnderCase : set
  }

  private mutating func group() throws -> PatternNode {
    var wrap: (PatternNode) -> PatternNode = { $0 }
    let saved = (ignoresCase, ignoresSpace, dotMatchesNewline)
    if take("?") {
      if take("#") {
        skip(to: ")")
        guard take(")") else { throw error("has a comment without end") }
        return .empty
      }
      if take("=") {
        wrap = { .lookahead($0, isNegative: false) }
      } else if take("!") {
        wrap = { .lookahead($0, isNegative: true) }
      } else if take("<=") {
        wrap = { .lookbehind($0, isNegative: false) }
      } else if take("<!") {
        wrap = { .lookbehind($0, isNegative: true) }
      } else if take(">") {
        wrap = { .atomic($0) }
      } else if take("<") {
        skip(to: ">")
        guard take(">") else { throw error("has a group name without end") }
      } else if !take(":") {
        guard try readFlags(), take(":") else {
          throw error("has a kind of group that is not supported")
        }
      }
    }
    let node = try alternatives()
    (ignoresCase, ignoresSpace, dotMatchesNewline) = saved
    guard take(")") else { throw error("has a '(' without ')'") }
    return wrap(node)
  }

  private mutating func escape() throws -> PatternNode {
    switch next {
    case "A", "G":
      position += 1
      return .textStart
    case "z":
      position += 1
      return .textEnd
    case "Z":
      position += 1
      return .textEndOrLastNewline
    case "b", "B":
      defer { position += 1 }
      return .wordBoundary(isNegative: next == "B")
    case "R":
      position += 1
      let single = CodePointSet([0x0A...0x0D, 0x85...0x85, 0x2028...0x2029])
      let pair = PatternNode.sequence([.set(CodePointSet(13...13)), .set(CodePointSet(10...10))])
      return .atomic(.alternatives([pair, .set(single)]))
    case "1", "2", "3", "4", "5", "6", "7", "8", "9", "k", "g", "X", "K", "N", "O", "y", "Y":
      throw error("uses '\\\(next!)', which is not supported")
    default:
      var parser = SetParser(scalars: scalars, position: position, ignoresCase: ignoresCase)
      defer { position = parser.position }
      do { return .set(try parser.escapedSet()) } catch {
        position = parser.position
        throw self.error(error.problem)
      }
    }
  }

  private mutating func quantified(_ item: PatternNode) throws -> PatternNode {
    var item = item
    while let character = next {
      var least = 0
      var most: Int?
      var isInterval = false
      switch character {
      case "*": break
      case "+": least = 1
      case "?": most = 1
      case "{":
        guard let interval = interval() else { return item }
        (least, most) = interval
        isInterval = true
      default: return item
      }
      position += 1
      if let most, most < least { throw error("has a repetition from \(least) to \(most)") }
      if isInterval, least == most, take("?") {
        // `{3}?` is an optional `{3}` in this syntax, not a lazy one.
        item = .repeated(
          .repeated(item, least: least, most: most, kind: .greedy), least: 0, most: 1, kind: .greedy
        )
        continue
      }
      let kind: RepeatKind =
        take("?") ? .lazy : !isInterval && take("+") ? .possessive : .greedy
      item = .repeated(item, least: least, most: most, kind: kind)
    }
    return item
  }

  /// Reads `{2}`, `{2,}`, `{,3}` or `{2,3}` up to the closing brace; nil, with nothing read, when
  /// the brace is an ordinary character.
  private mutating func interval() -> (Int, Int?)? {
    let start = position
    position += 1
    let least = number()
    var most = least
    if take(",") { most = number() }
    guard next == "}", least != nil || most != nil else {
      position = start
      return nil
    }
    return (least ?? 0, most)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let character = next, ("0"..."9").contains(character), (value ?? 0) < 100_000 {
      value = (value ?? 0) * 10 + Int(character.value - 48)
      position += 1
    }
    return value
  }
}
