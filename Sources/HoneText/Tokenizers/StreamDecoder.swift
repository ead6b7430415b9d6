/// Turns ids into text as they come, holding back what is not yet a whole character.
///
/// All that it gives, joined, is the text that decoding all ids at once gives, save that bytes
/// which turn out not to be UTF-8 may become another number of replacement characters.
public struct StreamDecoder {
  private let tokenizer: Tokenizer
  private let skippingSpecialTokens: Bool
  /// The ids whose text has been given last, so that what follows is decoded as their sequel.
  private var context: [Int32] = []
  /// The ids after them whose text has not been given, or not all of it.
  private var pending: [Int32] = []
  /// How many bytes of the text of both have been given.
  private var given = 0

  public init(_ tokenizer: Tokenizer, skippingSpecialTokens: Bool = false) {
    self.tokenizer = tokenizer
    self.skippingSpecialTokens = skippingSpecialTokens
  }

  /// Takes the next id.
  ///
  /// - Returns: the text that is now certain; empty while a character is incomplete.
  public mutating func append(_ id: Int32) -> String {
    pending.append(id)
    // Bytes that are tokens of their own decode to replacement characters until all are there.
    let run = pending.reversed().lazy.map(tokenizer.fallbackByte).prefix { $0 != nil }
    if Self.incompleteTail(run.reversed().compactMap(\.self)) > 0 { return "" }
    let bytes = text()
    guard bytes.count > given else { return "" }
    let complete = bytes.count - Self.incompleteTail(bytes)
    guard complete > given else { return "" }
    defer {
      given = complete
      if complete == bytes.count { settle() }
    }
    return String(decoding: bytes[given..<complete], as: UTF8.self)
  }

  /// Ends the stream.
  ///
  /// - Returns: what was held back, with replacement characters for incomplete ones.
  public mutating func finish() -> String {
    let bytes = text()
    defer { (context, pending, given) = ([], [], 0) }
    return bytes.count > given ? String(decoding: bytes[given...], as: UTF8.self) : ""
  }

  private func text() -> [UInt8] {
    tokenizer.decodedBytes(
      context + pending, skippingSpecialTokens: skippingSpecialTokens)
  }

  /// Makes the ids whose text has been given the context of those to come.
  private mutating func settle() {
    context = pending
    pending = []
    given = text().count
  }

  /// How many bytes at the end begin a character without ending it.
  private static func incompleteTail(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where bytes.count >= length {
      let byte = bytes[bytes.count - length]
      if byte & 0xC0 == 0x80 { continue }
      let wanted = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return wanted > length ? length : 0
    }
    return 0
  }
}
