/// The tokens of a model by number, and the numbers by token.
///
/// All tokens stand in one run of bytes; a hash table with linear probing finds their ids. Tokens
/// are compared by their bytes, never as `String`s, whose equality takes composed and decomposed
/// spellings for one.
final class Vocabulary: @unchecked Sendable {
  // Immutable after init: only the initialiser writes through the pointers.

  let count: Int
  private let bytes: UnsafeMutablePointer<UInt8>
  /// Where each token begins in `bytes`, and where the last ends.
  private let offsets: UnsafeMutablePointer<UInt32>
  /// Hash (upper half) and id + 1 (lower half), or 0.
  private let slots: UnsafeMutablePointer<UInt64>
  private let mask: Int
  private let seed: UInt64

  /// Takes over the tokens in the order of their ids.
  ///
  /// An empty token keeps its number but cannot be looked up.
  /// - Throws: ``TextError`` when a token stands twice.
  init(_ tokens: TokenList) throws {
    count = tokens.count
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(tokens.bytes.count, 1))
    _ = bytes.initialize(from: tokens.bytes)
    self.bytes = bytes.baseAddress!
    let offsets = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: tokens.count + 1)
    _ = offsets.initialize(from: tokens.offsets)
    self.offsets = offsets.baseAddress!
    var capacity = 16
    while capacity < count * 2 { capacity *= 2 }
    mask = capacity - 1
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: 0, count: capacity)
    // Seeded anew in each process, so that no file can be made of colliding tokens.
    seed = UInt64.random(in: .min ... .max)
    for id in 0..<count {
      let token = text(of: id)
      guard let base = token.baseAddress, token.count > 0 else { continue }
      let hash = Self.hash(base, token.count, seed)
      let slot = slot(of: base, token.count, hash)
      if slots[slot] != 0, !tokens.allowsDuplicates {
        throw TextError(
          subject: tokens.subject, place: "token \(Self.quoted(token))",
          problem: "stands twice, with the ids \(Int(slots[slot] & 0xFFFF_FFFF) - 1) and \(id)")
      }
      slots[slot] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(id + 1)
    }
  }

  deinit {
    bytes.deallocate()
    offsets.deallocate()
    slots.deallocate()
  }

  /// A token's bytes, valid while the vocabulary lives.
  @inline(__always)
  func text(of id: Int) -> UnsafeBufferPointer<UInt8> {
    let start = Int(offsets[id])
    return UnsafeBufferPointer(start: bytes + start, count: Int(offsets[id + 1]) - start)
  }

  /// The id of a token, or -1.
  @inline(__always)
  func id(of token: UnsafePointer<UInt8>, count: Int) -> Int32 {
    guard count > 0 else { return -1 }
    let hash = Self.hash(token, count, seed)
    return Int32(truncatingIfNeeded: slots[slot(of: token, count, hash)] & 0xFFFF_FFFF) - 1
  }

  func id(of token: [UInt8]) -> Int32 {
    token.withUnsafeBufferPointer { $0.isEmpty ? -1 : id(of: $0.baseAddress!, count: $0.count) }
  }

  func id(of token: String) -> Int32 { id(of: Array(token.utf8)) }

  /// A token for an error message.
  static func quoted(_ token: UnsafeBufferPointer<UInt8>) -> String {
    let text = String(decoding: token.prefix(80), as: UTF8.self)
    return "\"\(text)\(token.count > 80 ? "..." : "")\""
  }

  /// The slot that holds the token or, when it is absent, that would.
  @inline(__always)
  private func slot(of token: UnsafePointer<UInt8>, _ count: Int, _ hash: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let entry = slots[slot]
      if entry == 0 { return slot }
      if (entry ^ hash) >> 32 == 0 {
        let known = text(of: Int(entry & 0xFFFF_FFFF) - 1)
        if known.count == count, equalBytes(known.baseAddress!, token, count) { return slot }
      }
      slot = (slot + 1) & mask
    }
  }

  @inline(__always)
  private static func hash(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ seed: UInt64) -> UInt64 {
    var hash = seed ^ UInt64(truncatingIfNeeded: count)
    var index = 0
    let raw = UnsafeRawPointer(bytes)
    while index + 8 <= count {
      hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index += 8
    }
    if index < count {
      var tail: UInt64 = 0
      var shift: UInt64 = 0
      while index < count {
        tail |= UInt64(bytes[index]) << shift
        shift += 8
        index += 1
      }
      hash = mix(hash ^ tail)
    }
    return hash
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low
  }
}

@inline(__always)
func equalBytes(
  _ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int
) -> Bool {
  var index = 0
  while index + 8 <= count {
    let first = UnsafeRawPointer(left).loadUnaligned(fromByteOffset: index, as: UInt64.self)
    let second = UnsafeRawPointer(right).loadUnaligned(fromByteOffset: index, as: UInt64.self)
    if first != second { return false }
    index += 8
  }
  while index < count {
    if left[index] != right[index] { return false }
    index += 1
  }
  return true
}

/// Tokens in the order of their ids, as a reader collects them.
struct TokenList {
  /// What errors name: the file's path.
  let subject: String
  private(set) var bytes: [UInt8] = []
  private(set) var offsets: [UInt32] = [0]
  /// Whether the later of two equal tokens hides the earlier instead of being an error.
  var allowsDuplicates = false

  init(subject: String) { self.subject = subject }

  var count: Int { offsets.count - 1 }

  mutating func reserveCapacity(tokens: Int, bytes byteCount: Int) {
    offsets.reserveCapacity(tokens + 1)
    bytes.reserveCapacity(byteCount)
  }

  /// - Throws: ``TextError`` when all tokens together pass 4 GB.
  mutating func append(_ token: some Collection<UInt8>) throws {
    bytes.append(contentsOf: token)
    guard let end = UInt32(exactly: bytes.count), count < Int(Int32.max) - 1 else {
      throw TextError(subject: subject, problem: "the vocabulary is larger than 4 GB")
    }
    offsets.append(end)
  }
}
