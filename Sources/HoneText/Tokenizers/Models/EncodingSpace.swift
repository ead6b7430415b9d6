/// The memory that one call of `encode` works in, kept from call to call.
final class EncodingSpace {
  /// The ids so far.
  private(set) var ids: UnsafeMutablePointer<Int32>
  private(set) var count = 0
  private var capacity: Int
  /// What short words became, for one model.
  let words = WordCache()
  let pieces = PieceList()
  let merging = MergeSpace()

  init() {
    capacity = 4096
    ids = .allocate(capacity: capacity)
  }

  deinit { ids.deallocate() }

  func removeAll() { count = 0 }

  /// Makes room for `more` ids, which the caller then writes with ``append(unchecked:)``.
  @inline(__always)
  func reserve(_ more: Int) {
    if count + more > capacity { grow(more) }
  }

  @inline(never)
  private func grow(_ more: Int) {
    let larger = max(capacity * 2, count + more)
    let moved = UnsafeMutablePointer<Int32>.allocate(capacity: larger)
    moved.update(from: ids, count: count)
    ids.deallocate()
    ids = moved
    capacity = larger
  }

  @inline(__always)
  func append(_ id: Int32) {
    reserve(1)
    ids[count] = id
    count += 1
  }

  @inline(__always)
  func append(_ source: UnsafePointer<Int32>, count more: Int) {
    reserve(more)
    (ids + count).update(from: source, count: more)
    count += more
  }

  /// Appends four ids of which only the first `used` count.
  @inline(__always)
  func append(_ four: SIMD4<Int32>, used: Int) {
    reserve(4)
    UnsafeMutableRawPointer(ids + count).storeBytes(of: four, as: SIMD4<Int32>.self)
    count += used
  }
}

/// What short pieces of text became, so that frequent words are encoded once.
///
/// Direct-mapped: a piece has one place and takes it from the piece that was there.
final class WordCache {
  /// The longest piece that is kept, in bytes, and the most ids it may have become.
  static let maximumLength = 15
  static let maximumIDs = 4

  struct Key: Equatable {
    /// The bytes, with zeros after them; the last byte is the length.
    var low: UInt64
    var high: UInt64
  }

  struct Entry {
    var key: Key
    /// The ids; -1 where there is none.
    var ids: SIMD4<Int32>
  }

  private static let bits: UInt64 = 14
  let entries: UnsafeMutablePointer<Entry>

  init() {
    entries = .allocate(capacity: 1 << Int(Self.bits))
    // A key of zeros has the length 0, which no piece has.
    entries.initialize(
      repeating: Entry(key: Key(low: 0, high: 0), ids: SIMD4(repeating: -1)),
      count: 1 << Int(Self.bits))
  }

  deinit { entries.deallocate() }

  /// The key of a piece of 1 to 15 bytes; `room` is how many bytes may be read from its start.
  @inline(__always)
  static func key(_ bytes: UnsafePointer<UInt8>, count: Int, room: Int) -> Key {
    var low: UInt64
    var high: UInt64
    let raw = UnsafeRawPointer(bytes)
    if room >= 16 {
      low = raw.loadUnaligned(as: UInt64.self)
      high = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      let lowBits = UInt64(truncatingIfNeeded: min(count, 8) * 8)
      let highBits = UInt64(truncatingIfNeeded: max(count - 8, 0) * 8)
      // Smart shifts: a shift by 64 gives 0, and so a mask of all ones.
      low &= (1 << lowBits) &- 1
      high &= (1 << highBits) &- 1
    } else {
      (low, high) = (0, 0)
      for index in 0..<min(count, 8) { low |= UInt64(bytes[index]) << UInt64(index * 8) }
      if count > 8 {
        for index in 8..<count { high |= UInt64(bytes[index]) << UInt64((index - 8) * 8) }
      }
    }
    return Key(low: low, high: high | UInt64(truncatingIfNeeded: count) << 56)
  }

  @inline(__always)
  func place(of key: Key) -> Int {
    let mixed = (key.low ^ (key.high &* 0xC2B2_AE3D_27D4_EB4F)) &* 0x9E37_79B9_7F4A_7C15
    return Int(
      truncatingIfNeeded: ((mixed ^ mixed >> 29) &* 0xFF51_AFD7_ED55_8CCD) >> (64 - Self.bits))
  }
}
