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
    // Whatever is wrong with the file, reading it says.
    let tokenizer = try Tokenizer(gguf: file)
    let metadata = file.metadata
    let name = try metadata.requireString("tokenizer.ggml.pre")
    guard let preTokenizer = GGUFPreTokenizer.named(name) else {
      throw TextError(
        subject: file.path, place: "metadata key tokenizer.ggml.pre",
        problem: "the pre-tokenizer \"\(name.prefix(80))\" cannot be written as tokenizer.json")
    }
    let texts = try metadata.requireStringArray("tokenizer.ggml.tokens").strings()
    let merges = try metadata.requireStringArray("tokenizer.ggml.merges").strings()
    self.tokenizer = Self.object([
      ("version", .string("1.0")), ("truncation", .null), ("padding", .null),
      ("added_tokens", .array(try Self.addedTokens(metadata, texts: texts))),
      ("normalizer", .null), ("pre_tokenizer", preTokenizer.json),
      ("post_processor", try Self.template(metadata, texts: texts)),
      ("decoder", Self.decoder),
      (
        "model",
        Self.object([
          ("type", .string("BPE")), ("dropout", .null), ("unk_token", .null),
          ("continuing_subword_prefix", .null), ("end_of_word_suffix", .null),
          ("fuse_unk", .bool(false)), ("byte_fallback", .bool(false)),
          ("ignore_merges", .bool(preTokenizer.ignoresMerges)),
          (
            "vocab",
            .object(JSONObject(texts.enumerated().map { ($0.element, .integer($0.offset)) }))
          ),
          ("merges", .array(merges.map(Self.pair))),
        ])
      ),
    ])
    config = Self.config(tokenizer, contextLength: contextLength)
    chatTemplate = try metadata.string("tokenizer.chat_template")
    let prefix = "tokenizer.chat_template."
    otherTemplates = try metadata.keys.filter { $0.hasPrefix(prefix) }.compactMap { key in
      try metadata.string(key).map { (String(key.dropFirst(prefix.count)), $0) }
    }
  }

  private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(JSONObject(members))
  }

  private static let decoder = object([
    ("type", .string("ByteLevel")), ("add_prefix_space", .bool(true)),
    ("trim_offsets", .bool(true)), ("use_regex", .bool(true)),
  ])

  /// A merge's two sides; the first character of a side may itself be a space of the vocabulary's
  /// spelling, but never a plain one.
  private static func pair(_ merge: String) -> JSONValue {
    .array(merge.split(separator: " ", maxSplits: 1).map { .string(String($0)) })
  }

  private static func addedTokens(_ metadata: GGUFMetadata, texts: [String]) throws -> [JSONValue] {
    let types = try metadata.integers("tokenizer.ggml.token_type") ?? []
    return zip(texts, types).enumerated().compactMap { id, token in
      // 3 is a control token, 4 one that the model's makers added as text.
      guard token.1 == 3 || token.1 == 4, !token.0.isEmpty else { return nil }
      return object([
        ("id", .integer(id)), ("content", .string(token.0)), ("single_word", .bool(false)),
        ("lstrip", .bool(false)), ("rstrip", .bool(false)), ("normalized", .bool(false)),
        ("special", .bool(token.1 == 3)),
      ])
    }
  }

  /// What is put around a text: nothing, or the tokens of its beginning and end.
  private static func template(_ metadata: GGUFMetadata, texts: [String]) throws -> JSONValue {
    func token(_ name: String) throws -> (id: Int, text: String)? {
      guard try metadata.bool("tokenizer.ggml.add_\(name)_token") ?? false,
        let id = try metadata.uint("tokenizer.ggml.\(name)_token_id"), id < texts.count
      else { return nil }
      return (id, texts[id])
    }
    let (first, last) = (try token("bos"), try token("eos"))
    func part(_ token: (id: Int, text: String)?, _ type: Int) -> [JSONValue] {
      token.map {
        [
          object([
            (
              "SpecialToken", object([("id", .string($0.text)), ("type_id", .integer(type))])
            )
          ])
        ]
      } ?? []
    }
    func text(_ name: String, _ type: Int) -> [JSONValue] {
      part(first, type)
        + [object([("Sequence", object([("id", .string(name)), ("type_id", .integer(type))]))])]
        + part(last, type)
    }
    var special = JSONObject()
    for token in [first, last].compactMap({ $0 }) {
      special[token.text] = object([
        ("id", .string(token.text)), ("ids", .array([.integer(token.id)])),
        ("tokens", .array([.string(token.text)])),
      ])
    }
    return object([
      ("type", .string("TemplateProcessing")), ("single", .array(text("A", 0))),
      ("pair", .array(text("A", 0) + text("B", 1))), ("special_tokens", .object(special)),
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
