import HoneFormats

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Tokenizer {
  /// Reads the tokenizer of a Hugging Face folder: `tokenizer.json`, or else `tokenizer.model`, or else
  /// `vocab.json` and `merges.txt`, and, where they are, `tokenizer_config.json`, `special_tokens_map.json` and `chat_template.jinja`.
  ///
  /// - Throws: ``TextError`` for what is missing, wrong or not supported.
  public convenience init(folder path: String) throws {
    func existing(_ name: String) -> String? {
      let file = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
      return access(file, R_OK) == 0 ? file : nil
    }
    var parts: TokenizerParts
    if let main = existing("tokenizer.json") {
      parts = try Self.withBytes(of: main) { try TokenizerJSON.read($0, file: main) }
    } else if let main = existing("tokenizer.model") {
      parts = try Self.withBytes(of: main) { try SentencePieceModel($0, file: main).parts() }
    } else if let vocabulary = existing("vocab.json"), let merges = existing("merges.txt") {
      let config = try existing("tokenizer_config.json").map { path in
        try Self.withBytes(of: path) { try JSONParser.parse($0, file: path) }
      }
      let files = TokenizerVocabularyFiles(
        vocabulary: vocabulary, merges: merges,
        config: JSONField(
          value: config ?? .object(JSONObject()), file: "\(path)/tokenizer_config.json", path: ""))
      parts = try Self.withBytes(of: vocabulary) { bytes in
        try Self.withBytes(of: merges) { try files.read(bytes, $0) }
      }
    } else {
      throw TextError(
        subject: path,
        problem: "has neither tokenizer.json nor tokenizer.model, nor vocab.json and merges.txt",
        advice: "give a folder in Hugging Face's layout or a GGUF file")
    }
    for name in ["special_tokens_map.json", "tokenizer_config.json"] {
      guard let path = existing(name) else { continue }
      let value = try Self.withBytes(of: path) { try JSONParser.parse($0, file: path) }
      try parts.apply(config: JSONField(value: value, file: path, path: ""))
    }
    if let path = existing("chat_template.jinja") {
      parts.chatTemplate = try Self.withBytes(of: path) {
        guard let template = String(validating: $0, as: UTF8.self) else {
          throw TextError(subject: path, problem: "is not valid UTF-8")
        }
        return template
      }
    }
    self.init(parts)
  }

  private static func withBytes<Result>(
    of path: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let file = try MappedFile(path: path)
    return try withExtendedLifetime(file) { try body(file.bytes) }
  }

  /// Reads a tokenizer from the contents of SentencePiece's `tokenizer.model`.
  ///
  /// - Parameter file: the name that errors give.
  package convenience init(sentencePiece bytes: UnsafeRawBufferPointer, file: String) throws {
    self.init(try SentencePieceModel(bytes, file: file).parts())
  }

  /// Reads a tokenizer from the contents of `tokenizer.json` and, if given, of
  /// `tokenizer_config.json`.
  ///
  /// - Parameter file: the name that errors give.
  package convenience init(
    json: UnsafeRawBufferPointer, config: UnsafeRawBufferPointer? = nil, file: String
  ) throws {
    var parts = try TokenizerJSON.read(json, file: file)
    if let config {
      try parts.apply(
        config: JSONField(
          value: try JSONParser.parse(config, file: "\(file)'s configuration"), file: file, path: ""
        ))
    }
    self.init(parts)
  }
}

extension TokenizerParts {
  /// Takes what `tokenizer_config.json` says about special tokens, templates and clean-up.
  mutating func apply(config: JSONField) throws {
    _ = try config.object()
    for (name, field) in SpecialTokens.names {
      guard let member = config[name] else { continue }
      // Either the token or an object that describes it.
      specialTokens[keyPath: field] =
        try member.value.string ?? member.require("content").string()
    }
    cleansUpSpaces = try config["clean_up_tokenization_spaces"]?.bool() ?? cleansUpSpaces
    if let template = config["chat_template"] { chatTemplate = try Self.template(template) }
  }

  /// One template, or of several named ones the one called "default".
  private static func template(_ field: JSONField) throws -> String? {
    if let text = field.value.string { return text }
    let entries = try field.array()
    for entry in entries where try entry.require("name").string() == "default" {
      return try entry.require("template").string()
    }
    return try entries.first?.require("template").string()
  }
}
