/// Recognises the texts of a grammar byte by byte.
///
/// A nondeterministic automaton (Thompson, "Regular expression search algorithm", 1968) whose sets of
/// states become states of a deterministic one when they are first reached.
package final class ByteAutomaton {
  /// More parts than this are no grammar that anybody wrote by hand.
  private static let mostParts = 200_000
  static let dead: Int32 = -1
  private static let unknown: Int32 = -2

  private struct Edge {
    var low: UInt8
    var high: UInt8
    var target: Int32
  }

  // The nondeterministic automaton: edges over bytes, and edges over nothing.
  private var edges: [[Edge]] = []
  private var jumps: [[Int32]] = []
  private var end: Int32 = 0
  /// How many bytes lead to the end at least, by nondeterministic state.
  private var distances: [Int32] = []

  // The deterministic one.
  private var sets: [[Int32]] = []
  private var numbers: [[Int32]: Int32] = [:]
  private var transitions: [Int32] = []
  private var accepts: [Bool] = []
  private var shortest: [Int32] = []

  /// The state before the first byte.
  private(set) var start: Int32 = 0

  /// - Throws: ``GenerationError`` for a grammar that is too large, or allows no text.
  package init(_ grammar: Grammar) throws {
    let first = newState()
    end = try add(grammar, from: first)
    measure()
    guard distances[Int(first)] < .max else {
      throw GenerationError(problem: "no text fits the constraint")
    }
    start = number(closure([first]))
  }

  // MARK: Building

  private func newState() -> Int32 {
    edges.append([])
    jumps.append([])
    return Int32(edges.count - 1)
  }

  /// Adds a grammar behind a state; returns the state behind it.
  private func add(_ grammar: Grammar, from state: Int32) throws -> Int32 {
    guard edges.count < Self.mostParts else {
      throw GenerationError(
        problem: "the constraint is too large", advice: "lower its maxLength or maxItems")
    }
    switch grammar {
    case .text(let bytes):
      return bytes.reduce(state) { state, byte in
        let next = newState()
        edges[Int(state)].append(Edge(low: byte, high: byte, target: next))
        return next
      }
    case .character(let ranges):
      let next = newState()
      for sequence in ranges.flatMap(CodePoints.byteSequences) {
        var place = state
        for (index, range) in sequence.enumerated() {
          let target = index == sequence.count - 1 ? next : newState()
          edges[Int(place)].append(
            Edge(low: range.lowerBound, high: range.upperBound, target: target))
          place = target
        }
      }
      return next
    case .sequence(let parts):
      return try parts.reduce(state) { try add($1, from: $0) }
    case .choice(let options):
      let next = newState()
      for option in options {
        let begin = newState()
        jumps[Int(state)].append(begin)
        jumps[Int(try add(option, from: begin))].append(next)
      }
      return next
    case .repeated(let part, let least, let most):
      var place = state
      for _ in 0..<least { place = try add(part, from: place) }
      guard let most else {
        let loop = newState()
        jumps[Int(place)].append(loop)
        jumps[Int(try add(part, from: loop))].append(loop)
        let next = newState()
        jumps[Int(loop)].append(next)
        return next
      }
      let next = newState()
      for _ in least..<max(least, most) {
        jumps[Int(place)].append(next)
        let begin = newState()
        jumps[Int(place)].append(begin)
        place = try add(part, from: begin)
      }
      jumps[Int(place)].append(next)
      return next
    }
  }

  /// Finds how far each state is from the end, from the end backwards.
  private func measure() {
    var before: [[(source: Int32, cost: Int32)]] = Array(repeating: [], count: edges.count)
    for source in edges.indices {
      for edge in edges[source] { before[Int(edge.target)].append((Int32(source), 1)) }
      for target in jumps[source] { before[Int(target)].append((Int32(source), 0)) }
    }
    distances = Array(repeating: .max, count: edges.count)
    distances[Int(end)] = 0
    var level: [Int32] = [end]
    var distance: Int32 = 0
    while !level.isEmpty {
      var next: [Int32] = []
      while let state = level.popLast() {
        guard distances[Int(state)] == distance else { continue }
        for (source, cost) in before[Int(state)] where distances[Int(source)] > distance + cost {
          distances[Int(source)] = distance + cost
          if cost == 0 { level.append(source) } else { next.append(source) }
        }
      }
      level = next
      distance += 1
    }
  }

  /// States reached over nothing, in order, as far as bytes follow or the text may end.
  private func closure(_ states: [Int32]) -> [Int32] {
    var seen = Set(states)
    var stack = states
    while let state = stack.popLast() {
      for target in jumps[Int(state)] where seen.insert(target).inserted { stack.append(target) }
    }
    return seen.filter { $0 == end || !edges[Int($0)].isEmpty }.sorted()
  }

  private func number(_ set: [Int32]) -> Int32 {
    if set.isEmpty { return Self.dead }
    if let known = numbers[set] { return known }
    let number = Int32(sets.count)
    numbers[set] = number
    sets.append(set)
    transitions += Array(repeating: Self.unknown, count: 256)
    accepts.append(set.contains(end))
    shortest.append(set.map { distances[Int($0)] }.min() ?? .max)
    // A set from which nothing leads to the end is no way to go on.
    return number
  }

  // MARK: Running

  /// The state after a byte; ``dead`` where no text goes on so.
  func next(_ state: Int32, _ byte: UInt8) -> Int32 {
    let place = Int(state) * 256 + Int(byte)
    let known = transitions[place]
    if known != Self.unknown { return known }
    var targets: [Int32] = []
    for part in sets[Int(state)] {
      for edge in edges[Int(part)]
      where edge.low <= byte && byte <= edge.high && distances[Int(edge.target)] < .max {
        targets.append(edge.target)
      }
    }
    let found = number(closure(targets))
    transitions[place] = found
    return found
  }

  /// Whether a text may end here.
  func isAccepting(_ state: Int32) -> Bool { accepts[Int(state)] }

  /// How many bytes a text goes on from here at least.
  func shortestEnd(_ state: Int32) -> Int { Int(shortest[Int(state)]) }

  /// How many bytes the shortest text has.
  package var shortestText: Int { shortestEnd(start) }

  /// Whether a whole text belongs to the grammar.
  package func accepts(_ text: String) -> Bool {
    var state = start
    for byte in text.utf8 {
      state = next(state, byte)
      if state == Self.dead { return false }
    }
    return isAccepting(state)
  }
}
