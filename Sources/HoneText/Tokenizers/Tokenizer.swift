import Synchronization

/// Turns text into the ids of a model's tokens, and ids into text.
///
/// Gives the ids that transformers' tokenizers give. Reads `tokenizer.json` and the tokenizer of a
/// GGUF file. One tokenizer may be used by several threads at a time.
public final class Tokenizer: Sendable {
  private let parts: TokenizerParts
  let addedTokens: AddedTokens
  private let fallsBackToBytes: Bool
  /// Working memory of calls that have ended, for the next ones.
  private let spaces = Mutex<[Space]>([])

  /// How many ids there are: one more than the highest.
  public let vocabularyCount: Int
  /// The tokens that play a part in the model's texts, as chat templates name them.
  public let specialTokens: SpecialTokens
  /// The id of the token that begins a text.
  public let beginningOfText: Int32?
  /// The id of the token that ends a text.
  public let endOfText: Int32?
  /// The ids after which a generation is over: the end of a text, of a turn, of a message.
  public let endOfGeneration: Set<Int32>
  /// The chat template, in Jinja, when the model has one.
  public var chatTemplate: String? { parts.chatTemplate }
  /// What is put around a text.
  var postProcessor: PostProcessor { parts.postProcessor }

  init(_ parts: TokenizerParts) {
    self.parts = parts
    addedTokens = AddedTokens(parts.addedTokens, normalizer: parts.normalizer)
    fallsBackToBytes = parts.decoder?.hasByteFallback ?? false
    vocabularyCount = max(
      parts.model.vocabulary.count, (addedTokens.all.last.map { Int($0.id) } ?? -1) + 1)
    specialTokens = parts.specialTokens
    let added = addedTokens
    let vocabulary = parts.model.vocabulary
    func id(_ token: String?) -> Int32? {
      guard let token else { return nil }
      let bytes = Array(token.utf8)
      if let id = added.id(of: bytes) { return id }
      let id = vocabulary.id(of: bytes)
      return id < 0 ? nil : id
    }
    beginningOfText = id(specialTokens.beginningOfText)
    endOfText = id(specialTokens.endOfText)
    var ends = parts.endOfGeneration
    if let endOfText { ends.insert(endOfText) }
    for name in Self.turnEnds {
      if let id = added.id(of: Array(name.utf8)) { ends.insert(id) }
    }
    endOfGeneration = ends
  }

  /// Added tokens that end a turn or a text in the models that have them.
  private static let turnEnds = [
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>",
    "<|end_of_text|>", "<|return|>", "<|call|>", "<EOT>", "<|EOT|>", "<｜end▁of▁sentence｜>",
    "<|END_OF_TURN_TOKEN|>", "<turn|>",
  ]

  // MARK: Encoding

  /// The ids of a text.
  ///
  /// Special tokens that stand in the text as words, such as `<|im_end|>`, become their ids.
  /// - Parameter addingSpecialTokens: whether to add the tokens that the model expects around a
  ///   text, if any.
  public func encode(_ text: String, addingSpecialTokens: Bool = true) -> [Int32] {
    var text = text
    return text.withUTF8 { encode($0, addingSpecialTokens: addingSpecialTokens) }
  }

  /// The ids of any bytes; those that are not UTF-8 count as characters of their own.
  package func encode(_ bytes: [UInt8], addingSpecialTokens: Bool = true) -> [Int32] {
    bytes.withUnsafeBufferPointer { encode($0, addingSpecialTokens: addingSpecialTokens) }
  }

  /// The ids of any bytes; those that are not UTF-8 count as characters of their own.
  package func encode(
    _ bytes: UnsafeBufferPointer<UInt8>, addingSpecialTokens: Bool = true
  ) -> [Int32] {
    let space = spaces.withLock { $0.popLast() } ?? Space()
    defer { spaces.withLock { $0.append(space) } }
    let memory = space.memory
    memory.removeAll()
    if addingSpecialTokens { for id in parts.postProcessor.before { memory.append(id) } }
    addedTokens.inText.forEachPart(of: bytes) { part, start, id in
      if let id { memory.append(id) } else { encodePlain(part, isAtTextStart: start == 0, memory) }
    }
    if addingSpecialTokens { for id in parts.postProcessor.after { memory.append(id) } }
    return Array(UnsafeBufferPointer(start: memory.ids, count: memory.count))
  }

  /// Encodes text in which only tokens of normalised text remain to be found.
  private func encodePlain(
    _ text: UnsafeBufferPointer<UInt8>, isAtTextStart: Bool, _ memory: EncodingSpace
  ) {
    guard let normalizer = parts.normalizer, !normalizer.leavesUnchanged(text) else {
      return encodeNormalized(text, isAtTextStart: isAtTextStart, memory)
    }
    var normalized = Array(text)
    normalizer.normalize(&normalized)
    normalized.withUnsafeBufferPointer {
      encodeNormalized($0, isAtTextStart: isAtTextStart, memory)
    }
  }

  private func encodeNormalized(
    _ text: UnsafeBufferPointer<UInt8>, isAtTextStart: Bool, _ memory: EncodingSpace
  ) {
    addedTokens.inNormalizedText.forEachPart(of: text) { part, start, id in
      if let id { return memory.append(id) }
      memory.pieces.reset(part, isAtTextStart: isAtTextStart && start == 0)
      parts.preTokenizer?.apply(to: memory.pieces)
      parts.model.encode(memory.pieces, into: memory)
    }
  }

  /// Hands one call's working memory to the next.
  private struct Space: @unchecked Sendable {
    // Taken from the list before use and put back after it, so one thread has it at a time.
    let memory = EncodingSpace()
  }

  // MARK: Decoding

  /// The text of some ids.
  ///
  /// Bytes that are not UTF-8 become replacement characters; ids that no token has are left out.
  public func decode(
    _ ids: some Sequence<Int32>, skippingSpecialTokens: Bool = false
  ) -> String {
    let bytes = decodedBytes(ids, skippingSpecialTokens: skippingSpecialTokens)
    // transformers cleans up after all models but BPE, whatever the configuration says.
    let cleansUp = parts.cleansUpSpaces && !(parts.model is BPE)
    return String(decoding: cleansUp ? bytes.withoutSpacesBeforePunctuation : bytes, as: UTF8.self)
  }

  /// The bytes of the text of some ids, as they are.
  package func decodedBytes(
    _ ids: some Sequence<Int32>, skippingSpecialTokens: Bool = false
  ) -> [UInt8] {
    var tokens: [[UInt8]] = []
    tokens.reserveCapacity(ids.underestimatedCount)
    for id in ids {
      if let added = addedTokens[id] {
        if !skippingSpecialTokens || !added.isSpecial { tokens.append(added.spelling) }
      } else if id >= 0, Int(id) < parts.model.vocabulary.count {
        tokens.append(Array(parts.model.vocabulary.text(of: Int(id))))
      }
    }
    if let decoder = parts.decoder { return Array(decoder.decode(tokens).joined()) }
    return Array(tokens.joined(separator: [0x20]))
  }

  // MARK: Tokens

  /// The id of a token by its spelling in the vocabulary, where a space may be "Ġ" or "▁".
  public func id(of token: String) -> Int32? {
    let bytes = Array(token.utf8)
    if let id = addedTokens.id(of: bytes) { return id }
    let id = parts.model.vocabulary.id(of: bytes)
    return id < 0 ? nil : id
  }

  /// The spelling of a token in the vocabulary.
  public func token(of id: Int32) -> String? {
    if let added = addedTokens[id] { return String(decoding: added.spelling, as: UTF8.self) }
    guard id >= 0, Int(id) < parts.model.vocabulary.count else { return nil }
    return String(decoding: parts.model.vocabulary.text(of: Int(id)), as: UTF8.self)
  }

  /// Whether an id stands for something other than text, such as the end of a turn.
  public func isSpecial(_ id: Int32) -> Bool { addedTokens[id]?.isSpecial ?? false }

  /// The bytes that a token stands for in the middle of a text.
  package func bytes(of id: Int32) -> [UInt8] {
    // A token in front takes what decoders do only at a text's beginning.
    guard addedTokens[id] == nil, let decoder = parts.decoder else {
      return decodedBytes(CollectionOfOne(id))
    }
    guard id >= 0, Int(id) < parts.model.vocabulary.count else { return [] }
    if let byte = fallbackByte(id) { return [byte] }
    let token = Array(parts.model.vocabulary.text(of: Int(id)))
    let front: [UInt8] = [0x78]
    return Array(decoder.decode([front, token]).joined().dropFirst(front.count))
  }

  /// The byte that a token such as `<0x0A>` stands for, where such tokens do.
  func fallbackByte(_ id: Int32) -> UInt8? {
    guard fallsBackToBytes, id >= 0, Int(id) < parts.model.vocabulary.count,
      addedTokens[id] == nil
    else { return nil }
    return ByteFallbackDecoder.byte(Array(parts.model.vocabulary.text(of: Int(id))))
  }
}

extension Decoder {
  fileprivate var hasByteFallback: Bool {
    switch self {
    case is ByteFallbackDecoder: true
    case let sequence as DecoderSequence: sequence.items.contains { $0.hasByteFallback }
    default: false
    }
  }
}
