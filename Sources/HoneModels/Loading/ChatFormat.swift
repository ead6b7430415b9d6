import Foundation
import HoneFormats
import HoneText

/// How a model wants conversations written: its chat templates and the special tokens they use.
///
/// A GGUF has `tokenizer.chat_template` and `tokenizer.chat_template.NAME`; a folder has
/// `chat_template.jinja`, `additional_chat_templates/NAME.jinja`, `chat_template.json`, or a
/// `chat_template` in `tokenizer_config.json`, looked for in this order, as transformers does.
public struct ChatFormat: Sendable {
  /// What errors call it: the file of the templates.
  public let path: String
  /// The templates' sources by name; the usual one is `default`.
  public let sources: [String: String]
  /// `bos_token`, `eos_token` and the like, as text.
  public let tokens: JSONObject

  /// Reads a model's chat format; a model without templates has none.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for damaged files.
  public init(_ model: LocalModel) throws {
    switch model.layout {
    case .gguf: try self.init(gguf: GGUFFile(path: model.path))
    case .folder: try self.init(folder: model.path)
    }
  }

  /// The template for a conversation: `tool_use` where there are tools and such a template.
  ///
  /// - Throws: ``ModelError`` when the model has no template, ``HoneText/TextError`` when it cannot
  ///   be parsed.
  public func template(hasTools: Bool) throws -> ChatTemplate {
    let name = hasTools && sources["tool_use"] != nil ? "tool_use" : "default"
    guard let source = sources[name] else {
      throw ModelError(
        subject: path, problem: "the model has no chat template",
        advice: "it is a base model: give it plain text, or a template of your own")
    }
    return try ChatTemplate(source, name: "\(path): chat template")
  }

  /// A conversation as the model's text; what the conversation sets itself goes before the model's
  /// tokens.
  public func render(_ conversation: Conversation) throws -> String {
    var conversation = conversation
    for (name, value) in tokens where conversation.variables[name] == nil {
      conversation.variables[name] = value
    }
    return try template(hasTools: !(conversation.tools ?? []).isEmpty).render(conversation)
  }

  // MARK: GGUF

  package init(gguf file: GGUFFile) throws {
    path = file.path
    var sources: [String: String] = [:]
    let key = "tokenizer.chat_template"
    for name in file.metadata.keys {
      if name == key {
        sources["default"] = try file.metadata.string(name)
      } else if name.hasPrefix(key + ".") {
        sources[String(name.dropFirst(key.count + 1))] = try file.metadata.string(name)
      }
    }
    self.sources = sources
    tokens = try Self.tokens(of: file.metadata)
  }

  private static func tokens(of metadata: GGUFMetadata) throws -> JSONObject {
    var tokens = JSONObject()
    let names = [
      ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"),
      ("pad_token", "padding"), ("sep_token", "seperator"), ("mask_token", "mask"),
    ]
    guard let texts = try metadata.stringArray("tokenizer.ggml.tokens") else { return tokens }
    for (name, key) in names {
      guard let id = try metadata.uint("tokenizer.ggml.\(key)_token_id"), id < texts.count else {
        continue
      }
      tokens[name] = .string(try texts.string(at: id))
    }
    return tokens
  }

  // MARK: Folder

  private init(folder: String) throws {
    func text(_ name: String) -> String? {
      Disk.contents("\(folder)/\(name)").map { String(decoding: $0, as: UTF8.self) }
    }
    func json(_ name: String) throws -> JSONValue? {
      try text(name).map { try JSONParser.parse($0, file: "\(folder)/\(name)") }
    }
    let config = try json("tokenizer_config.json")
    var sources: [String: String] = [:]
    if let source = text("chat_template.jinja") {
      sources["default"] = source
      let more = "additional_chat_templates"
      let files =
        (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(more)")) ?? []
      for file in files where file.hasSuffix(".jinja") {
        sources[String(file.dropLast(".jinja".count))] = text("\(more)/\(file)")
      }
    } else {
      let stored = try json("chat_template.json")?["chat_template"] ?? config?["chat_template"]
      sources["default"] = stored?.string
      for entry in stored?.array ?? [] {
        if let name = entry["name"]?.string { sources[name] = entry["template"]?.string }
      }
    }
    self.sources = sources
    path = folder
    tokens = try Self.tokens(config: config, map: json("special_tokens_map.json"))
  }

  /// A token is written as text, or as an object with `content`.
  private static func tokens(config: JSONValue?, map: JSONValue?) -> JSONObject {
    var tokens = JSONObject()
    for source in [map, config] {
      for (name, value) in source?.object ?? JSONObject() where name.hasSuffix("_token") {
        if let text = value.string ?? value["content"]?.string { tokens[name] = .string(text) }
      }
    }
    return tokens
  }
}
