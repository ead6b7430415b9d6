import HoneFormats
import HoneText

extension FuzzTarget {
  /// Reads a `tokenizer.json`, and texts with it.
  static let tokenizer = FuzzTarget(name: "tokenizer") { bytes in
    guard let tokenizer = try? Tokenizer(json: bytes, file: "tokenizer.json") else { return }
    use(tokenizer, bytes)
  }

  /// Reads a SentencePiece model, and texts with it.
  static let sentencepiece = FuzzTarget(name: "sentencepiece") { bytes in
    guard let tokenizer = try? Tokenizer(sentencePiece: bytes, file: "tokenizer.model") else {
      return
    }
    use(tokenizer, bytes)
  }

  private static let texts = [
    "", " ", "a", "The  quick brown\tfox, it's 12345.6!\r\n\n  ",
    "e\u{301}\u{FB01} Ａ½ \u{200D}👩‍💻 漢字한국어 ไทย",
    "<s>x </s> <0x0A>▁Ġ", String(repeating: "ab ", count: 40),
  ].map { Array($0.utf8) }

  private static func use(_ tokenizer: Tokenizer, _ bytes: UnsafeRawBufferPointer) {
    // The file's own end is text of its alphabet, and seldom well-formed.
    for text in texts + [Array(bytes.suffix(200))] {
      let ids = tokenizer.encode(text)
      for id in ids {
        precondition(id >= 0 && Int(id) < max(tokenizer.vocabularyCount, 1), "\(id)")
        _ = tokenizer.bytes(of: id)
      }
      let decoded = tokenizer.decode(ids)
      var stream = StreamDecoder(tokenizer)
      var streamed = ids.map { stream.append($0) }.joined()
      streamed += stream.finish()
      _ = tokenizer.decode(ids, skippingSpecialTokens: true)
      withExtendedLifetime((decoded, streamed)) {}
    }
  }
}
