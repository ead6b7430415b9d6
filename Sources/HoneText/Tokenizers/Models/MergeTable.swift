/// Which pairs of tokens merge, into what and in which order: a hash table of pairs of ids.
final class MergeTable: @unchecked Sendable {
  // Immutable after init: only the initialiser writes through the pointers.

  let count: Int
  /// The pair, left id in the upper half, or ``empty``.
  private let keys: UnsafeMutablePointer<UInt64>
  /// The rank (upper half) and the merged token's id (lower half).
  private let values: UnsafeMutablePointer<UInt64>
  private let mask: Int
  private let shift: UInt64
  private let multiplier: UInt64

  /// No pair: both ids of one are non-negative.
  private static let empty = UInt64.max
  /// What ``value(_:_:)`` gives for a pair that does not merge; later than any rank.
  static let none = UInt64.max

  /// - Parameter merges: left id, right id and merged id in the order of their ranks; of equal
  ///   pairs the last counts.
  init(_ merges: [(left: Int32, right: Int32, merged: Int32)]) {
    count = merges.count
    var bits: UInt64 = 4
    while 1 << bits < merges.count * 2 { bits += 1 }
    mask = 1 << bits - 1
    shift = 64 - bits
    // Odd and chosen anew in each process, so that no file can be made of colliding pairs.
    multiplier = UInt64.random(in: .min ... .max) | 1
    keys = .allocate(capacity: mask + 1)
    keys.initialize(repeating: Self.empty, count: mask + 1)
    values = .allocate(capacity: mask + 1)
    values.initialize(repeating: Self.none, count: mask + 1)
    for (rank, merge) in merges.enumerated() {
      let key = Self.key(merge.left, merge.right)
      let slot = slot(of: key)
      keys[slot] = key
      values[slot] = UInt64(rank) << 32 | UInt64(UInt32(bitPattern: merge.merged))
    }
  }

  deinit {
    keys.deallocate()
    values.deallocate()
  }

  /// The rank and merged id of a pair, smaller meaning earlier, or ``none``.
  @inline(__always)
  func value(_ left: Int32, _ right: Int32) -> UInt64 {
    values[slot(of: Self.key(left, right))]
  }

  /// The ids that merges give.
  var results: [Int32] {
    (0...mask).filter { keys[$0] != Self.empty }.map { Int32(truncatingIfNeeded: values[$0]) }
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    // The halves are mixed first: the product's upper bits would barely see the upper half.
    var slot = Int(truncatingIfNeeded: ((key ^ key >> 29) &* multiplier) >> shift)
    while keys[slot] != key, keys[slot] != Self.empty { slot = (slot + 1) & mask }
    return slot
  }
}
