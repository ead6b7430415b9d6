/// Runs any regular expression by trying its alternatives in order.
///
/// What an automaton cannot run comes here. A search that takes many steps starts again with a
/// memory of what has failed, so that no pattern takes exponential time.
struct PatternBacktracker: Sendable {
  let program: PatternProgram

  /// The end of the match that begins at `start`, or -1.
  func matchEnd(_ bytes: UnsafePointer<UInt8>, from start: Int, end: Int) -> Int {
    Self.run(program, bytes, from: start, end: end, mustEndAt: nil)
  }

  private static func run(
    _ program: PatternProgram, _ bytes: UnsafePointer<UInt8>, from start: Int, end: Int,
    mustEndAt: Int?
  ) -> Int {
    var budget: Int? = 2000 + 20 * (end - start)
    if let found = attempt(program, bytes, start, end, mustEndAt, &budget) { return found }
    budget = nil
    return attempt(program, bytes, start, end, mustEndAt, &budget) ?? -1
  }

  private struct Visit: Hashable {
    let place: Int
    let index: Int
  }

  /// - Returns: the match's end, -1 for none, nil when the budget of steps is used up.
  private static func attempt(
    _ program: PatternProgram, _ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int,
    _ mustEndAt: Int?, _ budget: inout Int?
  ) -> Int? {
    var stack = [Visit(place: 0, index: start)]
    var failed: Set<Visit> = []
    while let visit = stack.popLast() {
      var place = visit.place
      var index = visit.index
      thread: while true {
        if let steps = budget {
          guard steps > 0 else { return nil }
          budget = steps - 1
        } else if !failed.insert(Visit(place: place, index: index)).inserted {
          break thread
        }
        switch program.instructions[place] {
        case .set(let set, let next):
          guard index < end else { break thread }
          let (point, length) = decodeUTF8(bytes, at: index, end: end)
          guard program.sets[set].contains(point) else { break thread }
          index += length
          place = next
        case .split(let first, let second):
          stack.append(Visit(place: second, index: index))
          place = first
        case .jump(let target): place = target
        case .nextIs(let set, let orEnd, let next):
          let holds =
            index < end
            ? program.sets[set].contains(decodeUTF8(bytes, at: index, end: end).point) : orEnd
          guard holds else { break thread }
          place = next
        case .look(let part, let isNegative, let isBehind, let next):
          let part = program.parts[part]
          let found =
            isBehind
            ? matches(part, bytes, before: index, end: end)
            : run(part, bytes, from: index, end: end, mustEndAt: nil) >= 0
          guard found != isNegative else { break thread }
          place = next
        case .atomic(let part, let next):
          let stop = run(program.parts[part], bytes, from: index, end: end, mustEndAt: nil)
          guard stop >= 0 else { break thread }
          index = stop
          place = next
        case .lineStart(let next):
          guard index == 0 || bytes[index - 1] == 10 && index < end else { break thread }
          place = next
        case .textStart(let next):
          guard index == 0 else { break thread }
          place = next
        case .textEndOrLastNewline(let next):
          guard index == end || index == end - 1 && bytes[index] == 10 else { break thread }
          place = next
        case .wordBoundary(let isNegative, let next):
          let before =
            index > 0 && isWord(bytes, at: startOfUTF8(bytes, before: index), end: index)
          let after = index < end && isWord(bytes, at: index, end: end)
          guard (before != after) != isNegative else { break thread }
          place = next
        case .match:
          guard mustEndAt == nil || mustEndAt == index else { break thread }
          return index
        }
      }
    }
    return -1
  }

  private static func isWord(_ bytes: UnsafePointer<UInt8>, at index: Int, end: Int) -> Bool {
    CharacterSets.word.contains(decodeUTF8(bytes, at: index, end: end).point)
  }

  private static func matches(
    _ part: PatternProgram, _ bytes: UnsafePointer<UInt8>, before index: Int, end: Int
  ) -> Bool {
    var start = index
    for width in 0...(part.width.most ?? 0) {
      if width >= part.width.least,
        run(part, bytes, from: start, end: end, mustEndAt: index) == index
      {
        return true
      }
      guard start > 0 else { return false }
      start = startOfUTF8(bytes, before: start)
    }
    return false
  }
}
