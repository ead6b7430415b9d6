/// SentencePiece's own normalisation: a table of what to write for which characters.
///
/// The table is a double-array trie of 32-bit units (the Darts library's) and, after it, the texts
/// that it points to, each ended by a zero byte. As in the tokenizers library a user-perceived
/// character of fewer than six bytes is looked up as a whole first.
struct PrecompiledNormalizer: Normalizer {
  private let units: [UInt32]
  private let texts: [UInt8]

  /// - Returns: nil when the sizes contradict each other.
  init?(_ bytes: [UInt8]) {
    func unit(at index: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) }
    }
    guard bytes.count >= 4 else { return nil }
    let size = Int(unit(at: 0))
    guard size % 4 == 0, size > 0, size <= bytes.count - 4 else { return nil }
    units = stride(from: 4, to: 4 + size, by: 4).map(unit(at:))
    texts = Array(bytes[(4 + size)...])
  }

  func normalize(_ text: inout [UInt8]) {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    if text.allSatisfy({ $0 < 0x80 }) {
      appendCharacters(of: text[...], to: &result)
    } else {
      for character in String(decoding: text, as: UTF8.self) {
        append(Array(character.utf8)[...], to: &result)
      }
    }
    text = result
  }

  /// ASCII text: each character is a cluster, but a return and a newline are one together.
  private func appendCharacters(of text: ArraySlice<UInt8>, to result: inout [UInt8]) {
    var index = text.startIndex
    while index < text.endIndex {
      let isPair =
        text[index] == 13 && index + 1 < text.endIndex && text[index + 1] == 10
      let next = index + (isPair ? 2 : 1)
      append(text[index..<next], to: &result)
      index = next
    }
  }

  private func append(_ cluster: ArraySlice<UInt8>, to result: inout [UInt8]) {
    if cluster.count < 6, let replacement = replacement(for: cluster) {
      result += replacement
      return
    }
    var index = cluster.startIndex
    while index < cluster.endIndex {
      var next = index + 1
      while next < cluster.endIndex, cluster[next] & 0xC0 == 0x80 { next += 1 }
      let character = cluster[index..<next]
      result += replacement(for: character) ?? character
      index = next
    }
  }

  /// What to write for the shortest beginning of the text that the table has.
  private func replacement(for text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard let value = shortestMatch(text), value < texts.count else { return nil }
    let end = texts[value...].firstIndex(of: 0) ?? texts.count
    return texts[value..<end]
  }

  /// Walks the trie. A unit's low eight bits (and the sign bit) are its label, bit 8 says that a
  /// value follows, the rest is the distance to its children.
  private func shortestMatch(_ text: ArraySlice<UInt8>) -> Int? {
    func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & (1 << 9)) >> 6)) }
    guard var unit = units.first else { return nil }
    var place = offset(unit)
    for byte in text {
      if byte == 0 { break }
      place ^= Int(byte)
      guard units.indices.contains(place) else { return nil }
      unit = units[place]
      guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { return nil }
      place ^= offset(unit)
      if unit >> 8 & 1 == 1 {
        return units.indices.contains(place) ? Int(units[place] & 0x7FFF_FFFF) : nil
      }
    }
    return nil
  }
}
