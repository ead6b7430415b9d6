import HoneFormats

extension Tokenizer {
  /// Reads the tokenizer in a GGUF file's metadata.
  ///
  /// - Throws: ``TextError`` for what is missing, wrong or not supported, `FormatError` for values
  ///   of wrong types.
  package convenience init(gguf file: GGUFFile) throws {
    self.init(try TokenizerGGUF(file: file).parts())
  }
}

/// Reads `tokenizer.ggml.*`.
struct TokenizerGGUF {
  let file: GGUFFile
  private var metadata: GGUFMetadata { file.metadata }

  /// A model and what surrounds it, which a `tokenizer.json` describes in the same words.
  struct Description {
    let model: BPE
    var normalizer = JSONValue.null
    var preTokenizer = JSONValue.null
    let decoder: JSONValue
  }

  private func error(_ key: String, _ problem: String, advice: String = "") -> TextError {
    TextError(subject: file.path, place: "metadata key \(key)", problem: problem, advice: advice)
  }

  func parts() throws -> TokenizerParts {
    let description = try description()
    var parts = TokenizerParts(model: description.model)
    parts.normalizer = try field(description.normalizer, "normalizer").map(Normalizers.read)
    parts.preTokenizer = try field(description.preTokenizer, "pre_tokenizer").map(
      PreTokenizers.read)
    parts.decoder = try field(description.decoder, "decoder").map(Decoders.read)
    parts.addedTokens = try addedTokens(parts.model.vocabulary)
    try applySpecialTokens(to: &parts)
    parts.chatTemplate = try metadata.string("tokenizer.chat_template")
    return parts
  }

  private func field(_ value: JSONValue, _ path: String) -> JSONField? {
    value.isNull ? nil : JSONField(value: value, file: file.path, path: path)
  }

  func description() throws -> Description {
    let model = try metadata.requireString("tokenizer.ggml.model")
    switch model {
    case "gpt2": return try byteLevelBPE()
    case "llama": return try sentencePiece()
    case "gemma4": return try sentencePieceWithMerges()
    default:
      throw error(
        "tokenizer.ggml.model", "the tokenizer \"\(model.prefix(80))\" is not supported",
        advice: "supported are gpt2, llama and gemma4; the model's folder may have another")
    }
  }

  /// - Parameter marksSpaces: whether tokens of nothing but spaces are to be spelled with "▁".
  private func vocabulary(marksSpaces: Bool = false) throws -> Vocabulary {
    let array = try metadata.requireStringArray("tokenizer.ggml.tokens")
    var tokens = TokenList(subject: file.path)
    tokens.reserveCapacity(tokens: array.count, bytes: array.count * 8)
    for index in 0..<array.count {
      let token = array.bytes(at: index)
      if marksSpaces, token.allSatisfy({ $0 == 0x20 }) {
        try tokens.append(Array(repeating: Array("▁".utf8), count: token.count).joined())
      } else {
        try tokens.append(token)
      }
    }
    return try Vocabulary(tokens)
  }

  private func merges(_ vocabulary: Vocabulary) throws -> MergeTable {
    let array = try metadata.requireStringArray("tokenizer.ggml.merges")
    var reader = MergeReader(vocabulary: vocabulary)
    reader.reserveCapacity(array.count)
    for index in 0..<array.count {
      let pair = array.bytes(at: index).assumingMemoryBound(to: UInt8.self)
      if let problem = reader.append(pair: pair, separatorFrom: 1) {
        throw error("tokenizer.ggml.merges, element \(index)", problem)
      }
    }
    return MergeTable(reader.merges)
  }

  private func sentencePiece() throws -> Description {
    let architecture = try metadata.string("general.architecture") ?? ""
    let isGemma = architecture.hasPrefix("gemma")
    let vocabulary = try vocabulary(marksSpaces: isGemma)
    var scores: [Float]
    if isGemma {
      // Gemma's merges follow the order of the tokens, not the scores in the file.
      scores = (0..<vocabulary.count).map { -Float($0) }
    } else {
      let key = "tokenizer.ggml.scores"
      scores = try metadata.requireFloats(key)
      guard scores.count == vocabulary.count else {
        throw error(key, "has \(scores.count) entries for \(vocabulary.count) tokens")
      }
    }
    let addsPrefix = try metadata.bool("tokenizer.ggml.add_space_prefix") ?? !isGemma
    return Description(
      model: BPE.sentencePiece(
        vocabulary, scores: scores,
        unknown: try id("tokenizer.ggml.unknown_token_id", vocabulary.count),
        fallsBackToBytes: true),
      normalizer: SentencePieceSpaces.normalizer(addsPrefix: addsPrefix),
      decoder: SentencePieceSpaces.decoder(addsPrefix: addsPrefix))
  }

  private func sentencePieceWithMerges() throws -> Description {
    let vocabulary = try vocabulary(marksSpaces: true)
    var options = BPE.Options()
    options.unknown = try id("tokenizer.ggml.unknown_token_id", vocabulary.count)
    options.fusesUnknown = true
    options.fallsBackToBytes = true
    return Description(
      model: BPE(
        vocabulary: vocabulary, pairs: .merges(try merges(vocabulary)), options: options),
      normalizer: SentencePieceSpaces.normalizer(addsPrefix: false),
      decoder: SentencePieceSpaces.decoder(addsPrefix: false))
  }

  private func byteLevelBPE() throws -> Description {
    let key = "tokenizer.ggml.pre"
    let name = try metadata.requireString(key)
    guard let preTokenizer = GGUFPreTokenizer.named(name) else {
      throw error(
        key, "the pre-tokenizer \"\(name.prefix(80))\" is not supported",
        advice: "use the model's folder with its tokenizer.json")
    }
    let vocabulary = try vocabulary()
    var options = BPE.Options()
    options.ignoresMerges = preTokenizer.ignoresMerges
    return Description(
      model: BPE(
        vocabulary: vocabulary, pairs: .merges(try merges(vocabulary)), options: options),
      normalizer: preTokenizer.normalizer, preTokenizer: preTokenizer.json,
      decoder: .component(
        "ByteLevel",
        ["add_prefix_space": .bool(true), "trim_offsets": .bool(true), "use_regex": .bool(true)]))
  }

  /// Kinds of tokens under `tokenizer.ggml.token_type`.
  private enum TokenType {
    static let control = 3
    static let userDefined = 4
  }

  private func addedTokens(_ vocabulary: Vocabulary) throws -> [AddedToken] {
    let key = "tokenizer.ggml.token_type"
    guard let types = try metadata.integers(key) else { return [] }
    guard types.count == vocabulary.count else {
      throw error(key, "has \(types.count) entries for \(vocabulary.count) tokens")
    }
    return types.indices.compactMap { id in
      guard types[id] == TokenType.control || types[id] == TokenType.userDefined else { return nil }
      let content = Array(vocabulary.text(of: id))
      guard !content.isEmpty else { return nil }
      return AddedToken(
        id: Int32(id), content: content, isSpecial: types[id] == TokenType.control)
    }
  }

  /// The id under a key of its own, when there is one.
  private func id(_ key: String, _ count: Int) throws -> Int32? {
    guard let id = try metadata.uint(key) else { return nil }
    // Some writers say "none" with the largest number.
    if id == Int(UInt32.max) { return nil }
    guard id < count else {
      throw error(key, "the id \(id) is not one of the \(count) tokens")
    }
    return Int32(id)
  }

  /// Whether a text begins with the token for that when the file does not say.
  private func beginsByDefault() throws -> Bool {
    switch try metadata.string("tokenizer.ggml.model") {
    case "llama": return true
    case "gpt2":
      let name = try metadata.string("tokenizer.ggml.pre") ?? ""
      return GGUFPreTokenizer.named(name)?.addsBeginning ?? false
    default: return false
    }
  }

  private func applySpecialTokens(to parts: inout TokenizerParts) throws {
    let vocabulary = parts.model.vocabulary
    let keys: [(String, WritableKeyPath<SpecialTokens, String?>)] = [
      ("bos", \.beginningOfText), ("eos", \.endOfText), ("padding", \.padding),
      ("unknown", \.unknown), ("seperator", \.separator), ("separator", \.separator),
      ("cls", \.classification), ("mask", \.mask),
    ]
    for (name, field) in keys {
      if let id = try id("tokenizer.ggml.\(name)_token_id", vocabulary.count) {
        parts.specialTokens[keyPath: field] = String(
          decoding: vocabulary.text(of: Int(id)), as: UTF8.self)
      }
    }
    for name in ["eot", "eom"] {
      if let id = try id("tokenizer.ggml.\(name)_token_id", vocabulary.count) {
        parts.endOfGeneration.insert(id)
      }
    }
    if try metadata.bool("tokenizer.ggml.add_bos_token") ?? beginsByDefault(),
      let id = try id("tokenizer.ggml.bos_token_id", vocabulary.count)
    {
      parts.postProcessor.before = [id]
    }
    if try metadata.bool("tokenizer.ggml.add_eos_token") ?? false,
      let id = try id("tokenizer.ggml.eos_token_id", vocabulary.count)
    {
      parts.postProcessor.after = [id]
    }
  }
}
