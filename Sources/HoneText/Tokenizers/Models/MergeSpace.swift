/// Merges neighbouring symbols, and the memory for it.
final class MergeSpace {
  /// The symbols to merge, from the first on.
  private(set) var symbols = UnsafeMutablePointer<Int32>.allocate(capacity: 0)
  /// For each symbol, rank and result of merging it with the next, or ``MergeTable/none``.
  private var values = UnsafeMutablePointer<UInt64>.allocate(capacity: 0)
  /// For each symbol the place of the one after it and of the one before it; long pieces only.
  private var links = UnsafeMutablePointer<(next: Int32, previous: Int32)>.allocate(capacity: 0)
  private var capacity = 0
  private var heap = MergeHeap()

  /// More symbols than this are merged with a heap, whose cost does not grow with the square.
  private static let shortest = 40

  deinit {
    symbols.deallocate()
    values.deallocate()
    links.deallocate()
  }

  /// Makes room for `count` symbols, keeping those there are.
  @inline(__always)
  func reserve(_ count: Int) {
    if count > capacity { grow(count) }
  }

  @inline(never)
  private func grow(_ count: Int) {
    let larger = max(256, count * 2)
    let moved = UnsafeMutablePointer<Int32>.allocate(capacity: larger)
    moved.update(from: symbols, count: capacity)
    symbols.deallocate()
    values.deallocate()
    links.deallocate()
    symbols = moved
    values = .allocate(capacity: larger)
    links = .allocate(capacity: larger)
    capacity = larger
  }

  /// Merges the first `count` symbols, smallest value first and leftmost of equal ones, and appends
  /// what remains.
  @inline(__always)
  func merge(_ count: Int, into space: EncodingSpace, value: (Int32, Int32) -> UInt64) {
    if count > Self.shortest { return mergeLong(count, into: space, value: value) }
    let symbols = symbols
    let values = values
    var count = count
    var last = count - 1
    for index in 0..<max(last, 0) { values[index] = value(symbols[index], symbols[index + 1]) }
    while last > 0 {
      var best = values[0]
      var place = 0
      for index in 1..<max(last, 1) where values[index] < best {
        best = values[index]
        place = index
      }
      if best == MergeTable.none { break }
      symbols[place] = Int32(truncatingIfNeeded: best)
      count -= 1
      last -= 1
      for index in place + 1..<max(count, place + 1) { symbols[index] = symbols[index + 1] }
      for index in place..<max(last, place) { values[index] = values[index + 1] }
      if place > 0 { values[place - 1] = value(symbols[place - 1], symbols[place]) }
      if place < last { values[place] = value(symbols[place], symbols[place + 1]) }
    }
    space.append(symbols, count: count)
  }

  @inline(never)
  private func mergeLong(_ count: Int, into space: EncodingSpace, value: (Int32, Int32) -> UInt64) {
    precondition(count <= Int(Int32.max), "a word of \(count) symbols was not cut")
    // In variables of this call, whose every use need not be checked for another's.
    let symbols = symbols
    let values = values
    let links = links
    var heap = heap.taken()
    defer { self.heap = heap }
    for index in 0..<count {
      links[index] = (Int32(truncatingIfNeeded: index + 1), Int32(truncatingIfNeeded: index - 1))
      values[index] =
        index + 1 < count ? value(symbols[index], symbols[index + 1]) : MergeTable.none
      heap.append(values[index], at: index)
    }
    heap.arrange()
    while let (rank, place) = heap.removeFirst() {
      let best = values[place]
      // What was pushed for a pair that has changed since is out of date.
      guard best != MergeTable.none, best >> 32 == rank else { continue }
      let right = Int(links[place].next)
      symbols[place] = Int32(truncatingIfNeeded: best)
      values[right] = MergeTable.none
      symbols[right] = -1
      let follower = Int(links[right].next)
      links[place].next = links[right].next
      if follower < count { links[follower].previous = Int32(truncatingIfNeeded: place) }
      values[place] =
        follower < count ? value(symbols[place], symbols[follower]) : MergeTable.none
      heap.push(values[place], at: place)
      let before = Int(links[place].previous)
      if before >= 0 {
        values[before] = value(symbols[before], symbols[place])
        heap.push(values[before], at: before)
      }
    }
    var index = 0
    space.reserve(count)
    while index < count {
      space.append(symbols[index])
      index = Int(links[index].next)
    }
  }
}

/// A binary heap of places by the rank of the merge there, leftmost first among equals.
private struct MergeHeap {
  private var keys: [UInt64] = []

  /// An empty heap with this one's memory, which this one gives away.
  mutating func taken() -> MergeHeap {
    var taken = MergeHeap()
    swap(&taken.keys, &keys)
    taken.keys.removeAll(keepingCapacity: true)
    return taken
  }

  private static func key(_ value: UInt64, _ place: Int) -> UInt64 {
    (value & ~0xFFFF_FFFF) | UInt64(truncatingIfNeeded: place)
  }

  /// Adds without keeping the order; ``arrange()`` restores it.
  mutating func append(_ value: UInt64, at place: Int) {
    if value != MergeTable.none { keys.append(Self.key(value, place)) }
  }

  mutating func arrange() {
    for index in stride(from: keys.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  mutating func push(_ value: UInt64, at place: Int) {
    guard value != MergeTable.none else { return }
    keys.append(Self.key(value, place))
    var index = keys.count - 1
    while index > 0, keys[index] < keys[(index - 1) / 2] {
      keys.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func removeFirst() -> (rank: UInt64, place: Int)? {
    guard let first = keys.first else { return nil }
    let last = keys.removeLast()
    if !keys.isEmpty {
      keys[0] = last
      sink(0)
    }
    return (first >> 32, Int(first & 0xFFFF_FFFF))
  }

  private mutating func sink(_ start: Int) {
    keys.withUnsafeMutableBufferPointer { keys in
      var index = start
      let moving = keys[index]
      while true {
        var child = 2 * index + 1
        guard child < keys.count else { break }
        if child + 1 < keys.count, keys[child + 1] < keys[child] { child += 1 }
        guard keys[child] < moving else { break }
        keys[index] = keys[child]
        index = child
      }
      keys[index] = moving
    }
  }
}
