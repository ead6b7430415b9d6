import HoneFormats

/// A GGUF file's tokenizer as the files of a Hugging Face folder, for a model that leaves GGUF.
package struct TokenizerFiles {
  /// `tokenizer.json`.
  package let tokenizer: JSONValue
  /// `tokenizer_config.json`.
  package let config: JSONValue
  /// `chat_template.jinja`; nil when the model has none.
  package let chatTemplate: String?
  /// Templates beside it, by name.
  package let otherTemplates: [(name: String, source: String)]

  /// - Parameter contextLength: how many tokens the model takes.
  /// - Throws: ``TextError`` for a tokenizer that cannot be written.
  package init(gguf file: GGUFFile, contextLength: Int) throws {
    let tokenizer = try Tokenizer(gguf: file)
    let metadata = file.metadata
    let description = try TokenizerGGUF(file: file).description()
    self.tokenizer = .members([
      "version": .string("1.0"), "truncation": .null, "padding": .null,
      "added_tokens": .array(tokenizer.addedTokens.all.map(Self.addedToken)),
      "normalizer": description.normalizer, "pre_tokenizer": description.preTokenizer,
      "post_processor": Self.template(tokenizer), "decoder": description.decoder,
      "model": try Self.model(description.model, metadata),
    ])
    config = Self.config(tokenizer, contextLength: contextLength)
    chatTemplate = try metadata.string("tokenizer.chat_template")
    let prefix = "tokenizer.chat_template."
    otherTemplates = try metadata.keys.filter { $0.hasPrefix(prefix) }.compactMap { key in
      try metadata.string(key).map { (String(key.dropFirst(prefix.count)), $0) }
    }
  }

  private static func model(_ model: BPE, _ metadata: GGUFMetadata) throws -> JSONValue {
    let texts = (0..<model.vocabulary.count).map {
      String(decoding: model.vocabulary.text(of: $0), as: UTF8.self)
    }
    let merges: [JSONValue]
    switch model.pairs {
    case .merges:
      merges = try metadata.requireStringArray("tokenizer.ggml.merges").strings().map(pair)
    case .scores(let scores):
      merges = scores.merges.map { .array([.string(texts[$0.left]), .string(texts[$0.right])]) }
    }
    let options = model.options
    return .component(
      "BPE",
      [
        "dropout": .null, "unk_token": options.unknown.map { .string(texts[Int($0)]) } ?? .null,
        "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
        "fuse_unk": .bool(options.fusesUnknown), "byte_fallback": .bool(options.fallsBackToBytes),
        "ignore_merges": .bool(options.ignoresMerges),
        "vocab": .object(JSONObject(texts.enumerated().map { ($0.element, .integer($0.offset)) })),
        "merges": .array(merges),
      ])
  }

  /// A merge's two sides; the first character of a side may itself be a space of the vocabulary's
  /// spelling, but never a plain one.
  private static func pair(_ merge: String) -> JSONValue {
    .array(merge.split(separator: " ", maxSplits: 1).map { .string(String($0)) })
  }

  private static func addedToken(_ token: AddedToken) -> JSONValue {
    .members([
      "id": .integer(Int(token.id)),
      "content": .string(String(decoding: token.content, as: UTF8.self)),
      "single_word": .bool(token.isSingleWord), "lstrip": .bool(token.stripsLeft),
      "rstrip": .bool(token.stripsRight), "normalized": .bool(token.isNormalized),
      "special": .bool(token.isSpecial),
    ])
  }

  /// What is put around a text: nothing, or the tokens of its beginning and end.
  private static func template(_ tokenizer: Tokenizer) -> JSONValue {
    func named(_ ids: [Int32]) -> [(id: Int32, text: String)] {
      ids.compactMap { id in tokenizer.token(of: id).map { (id, $0) } }
    }
    let before = named(tokenizer.postProcessor.before)
    let after = named(tokenizer.postProcessor.after)
    func part(_ kind: String, _ name: String, _ type: Int) -> JSONValue {
      .members([kind: .members(["id": .string(name), "type_id": .integer(type)])])
    }
    func text(_ name: String, _ type: Int) -> [JSONValue] {
      before.map { part("SpecialToken", $0.text, type) } + [part("Sequence", name, type)]
        + after.map { part("SpecialToken", $0.text, type) }
    }
    var special = JSONObject()
    for token in before + after {
      special[token.text] = .members([
        "id": .string(token.text), "ids": .array([.integer(Int(token.id))]),
        "tokens": .array([.string(token.text)]),
      ])
    }
    return .component(
      "TemplateProcessing",
      [
        "single": .array(text("A", 0)), "pair": .array(text("A", 0) + text("B", 1)),
        "special_tokens": .object(special),
      ])
  }

  private static func config(_ tokenizer: Tokenizer, contextLength: Int) -> JSONValue {
    var config = JSONObject()
    for (name, _) in SpecialTokens.names {
      if let token = tokenizer.specialTokens[name] { config[name] = .string(token) }
    }
    config["clean_up_tokenization_spaces"] = .bool(false)
    config["model_max_length"] = .integer(contextLength)
    config["tokenizer_class"] = .string("PreTrainedTokenizerFast")
    return .object(config)
  }
}
