/// The words of a text as numbers, for what compares many texts: duplicates, neighbours, overlap.
package enum WordHashes {
  /// A hash of each word, without regard to case, in order.
  ///
  /// Words are runs of ASCII letters and digits and of everything beyond ASCII; several times
  /// faster than ``Words``, which matters for a hundred thousand texts.
  package static func of(_ text: String) -> [UInt64] {
    var text = text
    if !text.utf8.allSatisfy({ $0 < 0x80 }) { text = text.lowercased() }
    return text.withUTF8 { bytes in
      var hashes: [UInt64] = []
      hashes.reserveCapacity(bytes.count / 5)
      var hash = offset
      var isWord = false
      for byte in bytes {
        switch byte {
        case 0x61...0x7A, 0x30...0x39, 0x80...:
          hash = (hash ^ UInt64(byte)) &* prime
          isWord = true
        case 0x41...0x5A:
          hash = (hash ^ UInt64(byte | 0x20)) &* prime
          isWord = true
        default:
          if isWord { hashes.append(mixed(hash)) }
          (hash, isWord) = (offset, false)
        }
      }
      if isWord { hashes.append(mixed(hash)) }
      return hashes
    }
  }

  /// A hash of each run of `length` words; of all words together when there are fewer, none when
  /// there are none.
  package static func runs(of length: Int, in words: [UInt64]) -> [UInt64] {
    guard !words.isEmpty else { return [] }
    let length = min(length, words.count)
    var runs: [UInt64] = []
    runs.reserveCapacity(words.count - length + 1)
    for start in 0...(words.count - length) {
      var hash = offset
      for word in words[start..<start + length] { hash = mixed(hash ^ word) }
      runs.append(hash)
    }
    return runs
  }

  /// The runs of three words of a text, by which texts are told alike.
  static func runs(of text: String) -> Set<UInt64> { Set(runs(of: 3, in: of(text))) }

  // FNV-1a.
  private static let offset: UInt64 = 0xcbf2_9ce4_8422_2325
  private static let prime: UInt64 = 0x100_0000_01b3

  /// Spreads the bits (the finaliser of MurmurHash3).
  @inline(__always)
  static func mixed(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ (value >> 33)) &* 0xff51_afd7_ed55_8ccd
    value = (value ^ (value >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    return value ^ (value >> 33)
  }
}
