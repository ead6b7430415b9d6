import HoneText

/// What each token stands for in bytes, to find a token's place in a text.
///
/// About two megabytes for a vocabulary of a quarter of a million.
struct TokenSpans: Sendable {
  private let bytes: [UInt8]
  private let starts: [Int32]

  init(_ tokenizer: Tokenizer) {
    var bytes: [UInt8] = []
    var starts: [Int32] = [0]
    for id in 0..<Int32(tokenizer.vocabularyCount) {
      bytes += tokenizer.bytes(of: id)
      starts.append(Int32(bytes.count))
    }
    self.bytes = bytes
    self.starts = starts
  }

  /// Where each token ends in the text, in UTF-8; nil when the tokens' bytes do not spell the text,
  /// as with tokenizers that change it.
  func ends(of ids: [Int32], in text: [UInt8]) -> [Int32]? {
    var position = 0
    var ends: [Int32] = []
    ends.reserveCapacity(ids.count)
    for id in ids {
      let token = bytes[Int(starts[Int(id)])..<Int(starts[Int(id) + 1])]
      guard token.count <= text.count - position else { return nil }
      for (offset, byte) in token.enumerated() where text[position + offset] != byte { return nil }
      position += token.count
      ends.append(Int32(position))
    }
    return position == text.count ? ends : nil
  }
}
