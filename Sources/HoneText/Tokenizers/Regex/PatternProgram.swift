/// A regular expression as instructions of a machine that tries alternatives in order.
struct PatternProgram: Sendable {
  enum Instruction: Sendable, Equatable {
    /// Takes one character of the set with this number, then goes on at `next`.
    case set(Int, next: Int)
    /// Tries the first, then the second.
    case split(Int, Int)
    case jump(Int)
    /// Holds when the next character is in the set, or at the end of the text when `orEnd`.
    case nextIs(Int, orEnd: Bool, next: Int)
    /// Holds when the program matches (or does not) from here on, or up to here when `isBehind`.
    case look(Int, isNegative: Bool, isBehind: Bool, next: Int)
    /// Takes what the program's first match takes.
    case atomic(Int, next: Int)
    case lineStart(next: Int)
    case textStart(next: Int)
    case textEndOrLastNewline(next: Int)
    case wordBoundary(isNegative: Bool, next: Int)
    case match
  }

  private(set) var instructions: [Instruction] = []
  private(set) var sets: [CodePointSet] = []
  /// The parts that look around or match atomically.
  private(set) var parts: [PatternProgram] = []
  /// The least and most characters that a match takes; nil when there is no most.
  private(set) var width: (least: Int, most: Int?) = (0, 0)

  private static let maximumSize = 50_000

  /// - Throws: ``TextError`` when the repetitions make it too large.
  init(_ node: PatternNode, pattern: String) throws {
    width = Self.width(of: node)
    try emit(node, pattern)
    instructions.append(.match)
  }

  /// Whether it has nothing but sets, alternatives and conditions on the next character, so that an
  /// automaton can run it.
  var isRegular: Bool {
    instructions.allSatisfy {
      switch $0 {
      case .set, .split, .jump, .nextIs, .match: true
      default: false
      }
    }
  }

  private mutating func number(of set: CodePointSet) -> Int {
    if let index = sets.firstIndex(of: set) { return index }
    sets.append(set)
    return sets.count - 1
  }

  private var here: Int { instructions.count }

  private mutating func emit(_ node: PatternNode, _ pattern: String) throws {
    guard here < Self.maximumSize else {
      throw TextError(
        subject: "regular expression \"\(pattern.prefix(200))\"",
        problem: "its repetitions make it too large")
    }
    switch node {
    case .empty: break
    case .set(let set):
      instructions.append(.set(number(of: set), next: here + 1))
    case .sequence(let items):
      for item in items { try emit(item, pattern) }
    case .alternatives(let branches):
      try emitAlternatives(branches, pattern)
    case .repeated(let item, let least, let most, let kind):
      try emitRepetition(item, least, most, kind, pattern)
    case .atomic(let item):
      parts.append(try PatternProgram(item, pattern: pattern))
      instructions.append(.atomic(parts.count - 1, next: here + 1))
    case .lookahead(let item, let isNegative):
      if let (set, orEnd) = Self.conditionOnNext(item) {
        instructions.append(
          .nextIs(
            number(of: isNegative ? set.inverted : set), orEnd: orEnd != isNegative, next: here + 1
          ))
      } else {
        parts.append(try PatternProgram(item, pattern: pattern))
        instructions.append(
          .look(parts.count - 1, isNegative: isNegative, isBehind: false, next: here + 1))
      }
    case .lookbehind(let item, let isNegative):
      let part = try PatternProgram(item, pattern: pattern)
      guard part.width.most != nil else {
        throw TextError(
          subject: "regular expression \"\(pattern.prefix(200))\"",
          problem: "looks behind without a limit")
      }
      parts.append(part)
      instructions.append(
        .look(parts.count - 1, isNegative: isNegative, isBehind: true, next: here + 1))
    case .lineStart: instructions.append(.lineStart(next: here + 1))
    case .lineEnd:
      instructions.append(
        .nextIs(number(of: CodePointSet(10...10)), orEnd: true, next: here + 1))
    case .textStart: instructions.append(.textStart(next: here + 1))
    case .textEnd:
      instructions.append(.nextIs(number(of: CodePointSet()), orEnd: true, next: here + 1))
    case .textEndOrLastNewline: instructions.append(.textEndOrLastNewline(next: here + 1))
    case .wordBoundary(let isNegative):
      instructions.append(.wordBoundary(isNegative: isNegative, next: here + 1))
    }
  }

  private mutating func emitAlternatives(_ branches: [PatternNode], _ pattern: String) throws {
    var jumps: [Int] = []
    for (index, branch) in branches.enumerated() {
      guard index < branches.count - 1 else {
        try emit(branch, pattern)
        break
      }
      let split = here
      instructions.append(.split(split + 1, 0))
      try emit(branch, pattern)
      jumps.append(here)
      instructions.append(.jump(0))
      instructions[split] = .split(split + 1, here)
    }
    for jump in jumps { instructions[jump] = .jump(here) }
  }

  private mutating func emitRepetition(
    _ item: PatternNode, _ least: Int, _ most: Int?, _ kind: RepeatKind, _ pattern: String
  ) throws {
    if kind == .possessive {
      let greedy = PatternNode.repeated(item, least: least, most: most, kind: .greedy)
      return try emit(.atomic(greedy), pattern)
    }
    for _ in 0..<least { try emit(item, pattern) }
    func split(_ item: Int, _ exit: Int) -> Instruction {
      kind == .lazy ? .split(exit, item) : .split(item, exit)
    }
    guard let most else {
      let start = here
      instructions.append(.jump(0))
      try emit(item, pattern)
      instructions.append(.jump(start))
      instructions[start] = split(start + 1, here)
      return
    }
    var splits: [Int] = []
    for _ in least..<max(most, least) {
      splits.append(here)
      instructions.append(.jump(0))
      try emit(item, pattern)
    }
    for start in splits { instructions[start] = split(start + 1, here) }
  }

  /// What a lookahead asks of the next character alone; nil when it asks more.
  private static func conditionOnNext(_ node: PatternNode) -> (CodePointSet, orEnd: Bool)? {
    switch node {
    case .set(let set): return (set, false)
    case .lineEnd: return (CodePointSet(10...10), true)
    case .textEnd: return (CodePointSet(), true)
    case .alternatives(let branches):
      var result = (CodePointSet(), orEnd: false)
      for branch in branches {
        guard let (set, orEnd) = conditionOnNext(branch) else { return nil }
        result = (result.0.union(set), result.orEnd || orEnd)
      }
      return result
    default: return nil
    }
  }

  private static func width(of node: PatternNode) -> (least: Int, most: Int?) {
    func sum(_ left: Int?, _ right: Int?) -> Int? {
      guard let left, let right else { return nil }
      return left.addingReportingOverflow(right).overflow ? nil : left + right
    }
    switch node {
    case .set: return (1, 1)
    case .sequence(let items):
      return items.reduce((0, 0)) {
        let width = width(of: $1)
        return ($0.0 + width.least, sum($0.1, width.most))
      }
    case .alternatives(let branches):
      let widths = branches.map(width(of:))
      let mosts = widths.compactMap(\.most)
      return (
        widths.map(\.least).min() ?? 0, mosts.count == widths.count ? mosts.max() : nil
      )
    case .repeated(let item, let least, let most, _):
      let width = width(of: item)
      let (total, overflow) = width.least.multipliedReportingOverflow(by: least)
      guard let most, let itemMost = width.most else {
        return (overflow ? Int.max / 2 : total, width.most == 0 ? 0 : nil)
      }
      let (mostTotal, mostOverflow) = itemMost.multipliedReportingOverflow(by: most)
      return (overflow ? Int.max / 2 : total, mostOverflow ? nil : mostTotal)
    case .atomic(let item): return width(of: item)
    default: return (0, 0)
    }
  }
}
