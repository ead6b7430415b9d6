/// SentencePiece's own normalisation: a table of what to write for which characters.
///
/// The table is a double-array trie of 32-bit units (the Darts library's) and, after it, the texts
/// that it points to, each ended by a zero byte.
struct PrecompiledNormalizer: Normalizer {
  /// What is looked up.
  enum Search: Sendable {
    /// Each user-perceived character of fewer than six bytes as a whole, then single characters: of
    /// what begins there the shortest. The tokenizers library's way.
    case clusters
    /// The longest text that begins at each character. SentencePiece's own way.
    case longest
  }

  private let search: Search
  private let units: [UInt32]
  private let texts: [UInt8]

  /// - Returns: nil when the sizes contradict each other.
  init?(_ bytes: [UInt8], search: Search) {
    self.search = search
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
    if search == .longest {
      appendLongest(of: text[...], to: &result)
    } else if text.allSatisfy({ $0 < 0x80 }) {
      appendCharacters(of: text[...], to: &result)
    } else {
      for character in String(decoding: text, as: UTF8.self) {
        append(Array(character.utf8)[...], to: &result)
      }
    }
    text = result
  }

  private func appendLongest(of text: ArraySlice<UInt8>, to result: inout [UInt8]) {
    var rest = text
    while let first = rest.first {
      if let match = match(rest) {
        result += match.replacement
        rest = rest.dropFirst(match.length)
      } else {
        let next = rest.dropFirst().firstIndex { $0 & 0xC0 != 0x80 } ?? rest.endIndex
        result += first < 0x80 ? rest.prefix(1) : rest[..<next]
        rest = first < 0x80 ? rest.dropFirst() : rest[next...]
      }
    }
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
    if cluster.count < 6, let replacement = match(cluster)?.replacement {
      result += replacement
      return
    }
    var index = cluster.startIndex
    while index < cluster.endIndex {
      var next = index + 1
      while next < cluster.endIndex, cluster[next] & 0xC0 == 0x80 { next += 1 }
      let character = cluster[index..<next]
      result += match(character)?.replacement ?? character
      index = next
    }
  }

  /// What the table has for a beginning of the text, how long that is and what to write for it.
  private func match(
    _ text: ArraySlice<UInt8>
  ) -> (length: Int, replacement: ArraySlice<UInt8>)? {
    guard let (length, value) = find(text), value < texts.count else { return nil }
    let end = texts[value...].firstIndex(of: 0) ?? texts.count
    return (length, texts[value..<end])
  }

  /// Walks the trie. A unit's low eight bits (and the sign bit) are its label, bit 8 says that a
  /// value follows, the rest is the distance to its children.
  private func find(_ text: ArraySlice<UInt8>) -> (length: Int, value: Int)? {
    func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & (1 << 9)) >> 6)) }
    guard var unit = units.first else { return nil }
    var found: (length: Int, value: Int)?
    var place = offset(unit)
    for (index, byte) in text.enumerated() {
      if byte == 0 { break }
      place ^= Int(byte)
      guard units.indices.contains(place) else { break }
      unit = units[place]
      guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { break }
      place ^= offset(unit)
      guard unit >> 8 & 1 == 1 else { continue }
      guard units.indices.contains(place) else { break }
      found = (index + 1, Int(units[place] & 0x7FFF_FFFF))
      if search == .clusters { break }
    }
    return found
  }
}
