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
private struct TokenizerGGUF {
  let file: GGUFFile
  private var metadata: GGUFMetadata { file.metadata }

  init(file: GGUFFile) { self.file = file }

  func error(_ key: String, _ problem: String, advice: String = "") -> TextError {
    TextError(subject: file.path, place: "metadata key \(key)", problem: problem, advice: advice)
  }

  func parts() throws -> TokenizerParts {
    let model = try metadata.requireString("tokenizer.ggml.model")
    guard let kind = Self.models.first(where: { $0.name == model }) else {
      throw error(
        "tokenizer.ggml.model", "the tokenizer \"\(model.prefix(80))\" is not supported",
        advice: "supported are \(Self.models.map(\.name).joined(separator: ", "))")
    }
    var parts = try kind.read(self)
    parts.addedTokens = try addedTokens(parts.model.vocabulary)
    try applySpecialTokens(to: &parts)
    parts.chatTemplate = try metadata.string("tokenizer.chat_template")
    return parts
  }

  /// The models by the names under `tokenizer.ggml.model`.
  private static let models:
    [(name: String, read: @Sendable (TokenizerGGUF) throws -> TokenizerParts)] =
      [
        ("gpt2", { try $0.byteLevelBPE() })
      ]

  private func vocabulary() throws -> Vocabulary {
    let array = try metadata.requireStringArray("tokenizer.ggml.tokens")
    var tokens = TokenList(subject: file.path)
    tokens.reserveCapacity(tokens: array.count, bytes: array.count * 8)
    for index in 0..<array.count { try tokens.append(array.bytes(at: index)) }
    return try Vocabulary(tokens)
  }

  private func byteLevelBPE() throws -> TokenizerParts {
    let key = "tokenizer.ggml.pre"
    let name = try metadata.requireString(key)
    guard let preTokenizer = GGUFPreTokenizer.named(name) else {
      throw error(
        key, "the pre-tokenizer \"\(name.prefix(80))\" is not supported",
        advice: "use the model's folder with its tokenizer.json")
    }
    let vocabulary = try vocabulary()
    let array = try metadata.requireStringArray("tokenizer.ggml.merges")
    var reader = MergeReader(vocabulary: vocabulary)
    reader.reserveCapacity(array.count)
    for index in 0..<array.count {
      let pair = array.bytes(at: index).assumingMemoryBound(to: UInt8.self)
      if let problem = reader.append(pair: pair, separatorFrom: 1) {
        throw error("tokenizer.ggml.merges, element \(index)", problem)
      }
    }
    var options = BPE.Options()
    options.ignoresMerges = preTokenizer.ignoresMerges
    var parts = TokenizerParts(
      model: BPE(
        vocabulary: vocabulary, pairs: .merges(MergeTable(reader.merges)), options: options))
    parts.preTokenizer = try preTokenizer.make()
    parts.decoder = ByteLevelDecoder()
    return parts
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
    if try metadata.bool("tokenizer.ggml.add_bos_token") ?? false,
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
