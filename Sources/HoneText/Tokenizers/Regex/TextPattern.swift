/// A regular expression over UTF-8 text.
///
/// The patterns by which tokenizers split text run as an automaton, one table lookup for each
/// character; what an automaton cannot run is done by backtracking. Bytes that are not UTF-8 are
/// characters of their own.
struct TextPattern: Sendable {
  let source: String
  private let automaton: PatternAutomaton?
  private let backtracker: PatternBacktracker
  /// For a pattern `X+...`: X. When no match begins at a character of X, none begins at the
  /// characters of X after it either.
  private let leadingLoop: CodePointSet?
  private let canMatchNothing: Bool
  /// The characters of which one must stand where a match begins; nil where nothing is known.
  private let firstSet: CodePointSet?

  /// - Throws: ``TextError`` for a pattern that is wrong or uses what is not supported.
  init(_ source: String) throws {
    try self.init(try PatternParser.parse(source), source: source)
  }

  /// One character of a set, or a run of them.
  init(_ set: CodePointSet, repeated: Bool = false) {
    let node = PatternNode.set(set)
    do {
      try self.init(
        repeated ? .repeated(node, least: 1, most: nil, kind: .greedy) : node, source: "")
    } catch {
      preconditionFailure("a set has no repetitions to be too large: \(error)")
    }
  }

  /// The text itself.
  init(literal text: String) throws {
    let characters = text.unicodeScalars.map {
      PatternNode.set(CodePointSet($0.value...$0.value))
    }
    try self.init(.sequence(characters), source: text)
  }

  init(_ node: PatternNode, source: String, withAutomaton: Bool = true) throws {
    self.source = source
    let simplified = node.withoutNeedlessAtomics
    let program = try PatternProgram(simplified, pattern: source)
    backtracker = PatternBacktracker(program: program)
    automaton = withAutomaton ? PatternAutomaton(program) : nil
    canMatchNothing = program.width.least == 0
    leadingLoop = simplified.leadingLoop
    firstSet = simplified.firstSet
  }

  /// Whether it runs as an automaton.
  var isAutomaton: Bool { automaton != nil }

  /// Finds the first match from `start` on.
  ///
  /// - Returns: its range, or nil when there is none before `end`.
  @inline(__always)
  func firstMatch(
    _ bytes: UnsafePointer<UInt8>, from start: Int, end: Int
  ) -> (start: Int, end: Int)? {
    if let automaton, !canMatchNothing {
      var index = automaton.candidate(bytes, from: start, end: end)
      while index < end {
        let stop = automaton.matchEnd(bytes, from: index, end: end)
        if stop >= 0 { return (index, stop) }
        index = automaton.candidate(bytes, from: afterFailure(bytes, at: index, end: end), end: end)
      }
      return nil
    }
    return slowFirstMatch(bytes, from: start, end: end)
  }

  @inline(never)
  private func slowFirstMatch(
    _ bytes: UnsafePointer<UInt8>, from start: Int, end: Int
  ) -> (start: Int, end: Int)? {
    var index = start
    while true {
      if let firstSet {
        index = firstPlace(of: firstSet, bytes, from: index, end: end)
        guard index < end else { return nil }
      }
      let stop =
        automaton?.matchEnd(bytes, from: index, end: end)
        ?? backtracker.matchEnd(bytes, from: index, end: end)
      if stop >= 0 { return (index, stop) }
      guard index < end else { return nil }
      index = afterFailure(bytes, at: index, end: end)
    }
  }

  /// The first place from `start` on where a character of the set stands, or the end.
  private func firstPlace(
    of set: CodePointSet, _ bytes: UnsafePointer<UInt8>, from start: Int, end: Int
  ) -> Int {
    var index = start
    while index < end {
      let (point, length) = decodeUTF8(bytes, at: index, end: end)
      if set.contains(point) { return index }
      index += length
    }
    return end
  }

  /// Where to look next when no match begins at `index`.
  private func afterFailure(_ bytes: UnsafePointer<UInt8>, at index: Int, end: Int) -> Int {
    var (point, length) = decodeUTF8(bytes, at: index, end: end)
    var next = index + length
    guard let leadingLoop, leadingLoop.contains(point) else { return next }
    while next < end {
      (point, length) = decodeUTF8(bytes, at: next, end: end)
      guard leadingLoop.contains(point) else { break }
      next += length
    }
    return next
  }
}

extension PatternNode {
  /// Characters of which one must follow wherever this matches; nil where there may be none.
  fileprivate var firstSet: CodePointSet? {
    switch self {
    case .set(let set): set
    case .atomic(let item), .lookahead(let item, false): item.firstSet
    case .repeated(let item, let least, _, _): least > 0 ? item.firstSet : nil
    case .sequence(let items): items.first?.firstSet
    case .alternatives(let branches):
      branches.dropFirst().reduce(branches.first?.firstSet) { sum, branch in
        guard let sum, let more = branch.firstSet else { return nil }
        return sum.union(more)
      }
    default: nil
    }
  }

  /// For `X+...` without lookbehind: X.
  fileprivate var leadingLoop: CodePointSet? {
    switch self {
    case .repeated(.set(let set), 1, nil, .greedy): return set
    case .sequence(let items):
      return items.allSatisfy(\.ignoresWhatIsBefore) ? items.first?.leadingLoop : nil
    default: return nil
    }
  }

  private var ignoresWhatIsBefore: Bool {
    switch self {
    case .empty, .set, .lineEnd, .textEnd, .textEndOrLastNewline: true
    case .sequence(let items), .alternatives(let items): items.allSatisfy(\.ignoresWhatIsBefore)
    case .repeated(let item, _, _, _), .atomic(let item), .lookahead(let item, _):
      item.ignoresWhatIsBefore
    case .lookbehind, .lineStart, .textStart, .wordBoundary: false
    }
  }

  /// The same pattern with possessive repetitions of a set made greedy where giving back could not
  /// help: where what follows begins with a character outside the set, or is the pattern's end.
  fileprivate var withoutNeedlessAtomics: PatternNode {
    switch self {
    case .alternatives(let branches):
      return .alternatives(branches.map(\.withoutNeedlessAtomics))
    case .repeated(.set, _, _, .possessive):
      return Self.sequence([self]).withoutNeedlessAtomics
    case .sequence(let items):
      var result = items
      for (index, item) in items.enumerated() {
        guard case .repeated(.set(let set), let least, let most, .possessive) = item,
          Self.beginsOutside(set, items[(index + 1)...])
        else { continue }
        result[index] = .repeated(.set(set), least: least, most: most, kind: .greedy)
      }
      return .sequence(result)
    default: return self
    }
  }

  /// Whether what follows can only begin outside the set, or takes nothing without a condition.
  private static func beginsOutside(_ set: CodePointSet, _ rest: ArraySlice<PatternNode>) -> Bool {
    guard let first = rest.first else { return true }
    switch first {
    case .set(let next): return set.intersection(next).isEmpty
    case .repeated(.set(let next), let least, _, _):
      return set.intersection(next).isEmpty
        && (least > 0 || beginsOutside(set, rest.dropFirst()))
    default: return false
    }
  }
}
