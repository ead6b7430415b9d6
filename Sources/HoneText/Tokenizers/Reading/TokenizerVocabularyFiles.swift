import HoneFormats

/// Reads `vocab.json` and `merges.txt`, which folders of GPT-2's older relatives (OPT) have in place
/// of `tokenizer.json`.
///
/// What the library makes of them follows `GPT2Converter` in transformers'
/// `convert_slow_tokenizer.py`; other families cut texts otherwise and are refused.
struct TokenizerVocabularyFiles {
  let vocabulary: String
  let merges: String
  /// `tokenizer_config.json`, null where there is none.
  let config: JSONField

  private static let classes = ["GPT2Tokenizer", "GPT2TokenizerFast"]

  /// - Throws: ``TextError`` for what is wrong or another tokenizer's.
  func read(
    _ vocabularyBytes: UnsafeRawBufferPointer, _ mergesBytes: UnsafeRawBufferPointer
  ) throws -> TokenizerParts {
    let kind = try config["tokenizer_class"]?.string() ?? Self.classes[0]
    guard Self.classes.contains(kind) else {
      throw TextError(
        subject: vocabulary,
        problem: "belongs to a \(kind), and Hone reads vocab.json and merges.txt of GPT-2's alone",
        advice: "save the tokenizer with transformers, which writes tokenizer.json")
    }
    let tokens = try JSONParser.parse(
      vocabularyBytes, file: vocabulary, duplicateKeys: .rejected)
    let field = JSONField(value: tokens, file: vocabulary, path: "")
    _ = try field.object()
    let byteLevel = try JSONValue.component(
      "ByteLevel",
      [
        "add_prefix_space": .bool(config["add_prefix_space"]?.bool() ?? false),
        "trim_offsets": .bool(true), "use_regex": .bool(true),
      ])
    let root = JSONField(
      value: .members([
        "model": .component(
          "BPE", ["vocab": tokens, "merges": .array(try pairs(mergesBytes))]),
        "pre_tokenizer": byteLevel, "decoder": byteLevel,
        "post_processor": try beginning(tokens) ?? byteLevel,
        "added_tokens": .array(try special(tokens)),
      ]), file: vocabulary, path: "")
    return try TokenizerJSON.parts(root)
  }

  /// The merges, one a line; the first line may say a version.
  private func pairs(_ bytes: UnsafeRawBufferPointer) throws -> [JSONValue] {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw TextError(subject: merges, problem: "is not valid UTF-8")
    }
    return text.split(separator: "\n").filter { !$0.hasPrefix("#version") }
      .map { .string($0.hasSuffix("\r") ? String($0.dropLast()) : String($0)) }
  }

  /// Special tokens by their names in the configuration.
  private func special(_ name: String) throws -> String? {
    guard let field = config[name] else { return nil }
    return try field.value.string ?? field.require("content").string()
  }

  /// The added tokens that the configuration lists, and the special ones of the vocabulary.
  private func special(_ tokens: JSONValue) throws -> [JSONValue] {
    var added: [(id: Int, token: JSONObject)] = []
    if let list = config["added_tokens_decoder"] {
      for (key, value) in try list.object() {
        guard let id = Int(key), var token = value.object else {
          throw list.error("has '\(key)', which is no id with an added token")
        }
        token["id"] = .integer(id)
        added.append((id, token))
      }
    }
    for (name, _) in SpecialTokens.names {
      guard let text = try special(name), let id = tokens[text]?.integer,
        !added.contains(where: { $0.id == id })
      else { continue }
      added.append(
        (
          id,
          JSONObject([
            ("id", .integer(id)), ("content", .string(text)), ("special", .bool(true)),
            ("normalized", .bool(true)),
          ])
        ))
    }
    return added.sorted { $0.id < $1.id }.map { .object($0.token) }
  }

  /// Puts the token for a text's beginning before it, where the configuration says so.
  private func beginning(_ tokens: JSONValue) throws -> JSONValue? {
    guard try config["add_bos_token"]?.bool() ?? false, let text = try special("bos_token") else {
      return nil
    }
    guard let id = tokens[text] else {
      throw config.error("\"bos_token\" is '\(text)', which vocab.json does not have")
    }
    return .component(
      "TemplateProcessing",
      [
        "single": .array([
          .members(["SpecialToken": .members(["id": .string(text), "type_id": .integer(0)])]),
          .members(["Sequence": .members(["id": .string("A"), "type_id": .integer(0)])]),
        ]),
        "special_tokens": .members([
          text: .members([
            "id": .string(text), "ids": .array([id]), "tokens": .array([.string(text)]),
          ])
        ]),
      ])
  }
}
