/// Runs a regular expression in one pass: each character is one step from state to state.
///
/// A state is the list of the places in the program that could be current, in order of preference,
/// so the match found is the one that trying the alternatives in order would find. A condition on
/// the next character is decided in the step over that character; the text's end is a class too.
final class PatternAutomaton: @unchecked Sendable {
  // Immutable after init: only the initialiser writes through the pointers.

  /// For each state a row with, for each class, the next row's beginning; the sign bit says that a
  /// match ends before the character.
  private let transitions: UnsafeMutablePointer<UInt32>
  private let transitionCount: Int
  /// The class of each code point up to ``flatCount``.
  private let flat: UnsafeMutablePointer<UInt8>
  /// The runs of classes above.
  private let highStarts: [UInt32]
  private let highClasses: [UInt8]
  private let endClass: Int
  private let startRow: UInt32
  /// Whether a match can begin with a character of the class.
  private let canBegin: UnsafeMutablePointer<Bool>

  private static let flatCount = 0x20000
  private static let maximumStates = 4096
  static let matchBit: UInt32 = 1 << 31

  /// - Returns: nil when the program is not regular or needs too many states.
  init?(_ program: PatternProgram) {
    guard program.isRegular,
      let (starts, classes, members) = Self.partition(program.sets),
      let table = Self.table(program, members: members)
    else { return nil }
    endClass = members.count
    transitionCount = table.count
    transitions = .allocate(capacity: table.count)
    transitions.initialize(from: table, count: table.count)
    startRow = UInt32(members.count + 1)
    flat = .allocate(capacity: Self.flatCount)
    flat.initialize(repeating: 0, count: Self.flatCount)
    var highStarts: [UInt32] = []
    var highClasses: [UInt8] = []
    for (index, start) in starts.enumerated() {
      let end = index + 1 < starts.count ? Int(starts[index + 1]) : Int(invalidCodePoint) + 1
      if Int(start) < Self.flatCount {
        (flat + Int(start)).update(
          repeating: classes[index], count: min(end, Self.flatCount) - Int(start))
      }
      if end > Self.flatCount {
        highStarts.append(start)
        highClasses.append(classes[index])
      }
    }
    self.highStarts = highStarts
    self.highClasses = highClasses
    canBegin = .allocate(capacity: members.count)
    for index in members.indices {
      // A row of zeros is dead; a step to it without a match means that nothing begins here.
      (canBegin + index).initialize(to: table[Int(startRow) + index] != 0)
    }
  }

  deinit {
    transitions.deallocate()
    flat.deallocate()
    canBegin.deallocate()
  }

  /// The end of the match that begins at `start`, or -1.
  @inline(__always)
  func matchEnd(_ bytes: UnsafePointer<UInt8>, from start: Int, end: Int) -> Int {
    let transitions = transitions
    let flat = flat
    var row = startRow
    var index = start
    var last = -1
    while index < end {
      let byte = bytes[index]
      let characterClass: UInt8
      var length = 1
      if byte < 0x80 {
        characterClass = flat[Int(byte)]
      } else {
        let (point, count) = decodeUTF8(bytes, at: index, end: end)
        characterClass = self.characterClass(of: point)
        length = count
      }
      let step = transitions[Int(row) + Int(characterClass)]
      if step & Self.matchBit != 0 { last = index }
      row = step & ~Self.matchBit
      if row == 0 { return last }
      index += length
    }
    return transitions[Int(row) + endClass] & Self.matchBit != 0 ? end : last
  }

  /// The first place from `start` on where a match can begin, or `end`.
  @inline(__always)
  func candidate(_ bytes: UnsafePointer<UInt8>, from start: Int, end: Int) -> Int {
    var index = start
    while index < end {
      let byte = bytes[index]
      if byte < 0x80 {
        if canBegin[Int(flat[Int(byte)])] { return index }
        index += 1
      } else {
        let (point, length) = decodeUTF8(bytes, at: index, end: end)
        if canBegin[Int(characterClass(of: point))] { return index }
        index += length
      }
    }
    return end
  }

  @inline(__always)
  private func characterClass(of point: UInt32) -> UInt8 {
    point < UInt32(Self.flatCount) ? flat[Int(point)] : highClass(of: point)
  }

  @inline(never)
  private func highClass(of point: UInt32) -> UInt8 {
    var low = 0
    var high = highStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if highStarts[middle] <= point { low = middle } else { high = middle }
    }
    return highClasses[low]
  }

  /// Divides all code points into classes that no set tells apart.
  ///
  /// - Returns: runs (start and class), and for each class which sets hold it; nil beyond 250.
  private static func partition(
    _ sets: [CodePointSet]
  ) -> (starts: [UInt32], classes: [UInt8], members: [[Bool]])? {
    var bounds: Set<UInt32> = [0]
    for set in sets {
      for range in set.ranges {
        bounds.insert(range.lowerBound)
        if range.upperBound < invalidCodePoint { bounds.insert(range.upperBound + 1) }
      }
    }
    var starts: [UInt32] = []
    var classes: [UInt8] = []
    var members: [[Bool]] = []
    var numbers: [[Bool]: UInt8] = [:]
    var cursors = [Int](repeating: 0, count: sets.count)
    for start in bounds.sorted() {
      var held = [Bool](repeating: false, count: sets.count)
      for (index, set) in sets.enumerated() {
        while cursors[index] < set.ranges.count, set.ranges[cursors[index]].upperBound < start {
          cursors[index] += 1
        }
        held[index] =
          cursors[index] < set.ranges.count && set.ranges[cursors[index]].lowerBound <= start
      }
      let number: UInt8
      if let known = numbers[held] {
        number = known
      } else {
        guard members.count < 250 else { return nil }
        number = UInt8(members.count)
        numbers[held] = number
        members.append(held)
      }
      guard classes.last != number else { continue }
      starts.append(start)
      classes.append(number)
    }
    return (starts, classes, members)
  }

  /// Builds all states: row 0 is dead, row 1 the start.
  private static func table(_ program: PatternProgram, members: [[Bool]]) -> [UInt32]? {
    let width = members.count + 1
    var table = [UInt32](repeating: 0, count: 2 * width)
    var states: [[Int]] = [[], [0]]
    var numbers: [[Int]: Int] = [[]: 0, [0]: 1]
    var state = 1
    while state < states.count {
      for characterClass in 0..<width {
        let held = characterClass < members.count ? members[characterClass] : nil
        let (next, isMatch) = step(program, states[state], held)
        let number: Int
        if let known = numbers[next] {
          number = known
        } else {
          guard states.count < maximumStates else { return nil }
          number = states.count
          numbers[next] = number
          states.append(next)
          table += [UInt32](repeating: 0, count: width)
        }
        table[state * width + characterClass] =
          UInt32(number * width) | (isMatch ? matchBit : 0)
      }
      state += 1
    }
    return table
  }

  /// One step from a state over a character that the sets marked in `held` contain; nil at the
  /// text's end.
  private static func step(
    _ program: PatternProgram, _ state: [Int], _ held: [Bool]?
  ) -> (next: [Int], isMatch: Bool) {
    var seen = [Bool](repeating: false, count: program.instructions.count)
    var next: [Int] = []
    var stack = Array(state.reversed())
    while let place = stack.popLast() {
      guard !seen[place] else { continue }
      seen[place] = true
      switch program.instructions[place] {
      case .set(let set, let follower):
        if let held, held[set], !next.contains(follower) { next.append(follower) }
      case .split(let first, let second):
        stack.append(second)
        stack.append(first)
      case .jump(let target): stack.append(target)
      case .nextIs(let set, let orEnd, let follower):
        if held.map({ $0[set] }) ?? orEnd { stack.append(follower) }
      case .match: return (next, true)
      default: preconditionFailure("not a regular program")
      }
    }
    return (next, false)
  }
}
