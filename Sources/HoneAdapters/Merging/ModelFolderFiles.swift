import Foundation
import HoneFormats
import HoneModels
import HoneText

/// What stands beside the weights in a model's folder: configuration, tokenizer, templates.
struct ModelFolderFiles {
  let model: LanguageModel
  let weights: MergedWeights
  /// The numbers' type in PyTorch's name.
  let typeName: String

  /// Files of a base's folder that the merged model takes over as they are.
  private static let copied = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json",
    "additional_chat_templates", "generation_config.json", "LICENSE", "NOTICE",
  ]

  func write(to folder: String) throws {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: model.path, isDirectory: &isFolder)
    if exists && isFolder.boolValue {
      try copyFiles(to: folder)
    } else {
      try makeFiles(in: folder)
    }
  }

  // MARK: From a folder

  private func copyFiles(to folder: String) throws {
    let files = FileManager.default
    for name in Self.copied where files.fileExists(atPath: "\(model.path)/\(name)") {
      // A cache's files are links; their contents are copied.
      let source = URL(fileURLWithPath: "\(model.path)/\(name)").resolvingSymlinksInPath().path
      do {
        try files.copyItem(atPath: source, toPath: "\(folder)/\(name)")
      } catch {
        throw FormatError(
          file: source, problem: "cannot be copied: \(error.localizedDescription)")
      }
    }
    let path = "\(model.path)/config.json"
    let file = try MappedFile(path: path)
    let json = try withExtendedLifetime(file) { try JSONParser.parse(file.bytes, file: path) }
    guard var config = json.object else {
      throw FormatError(file: path, problem: "is not a JSON object")
    }
    config["tie_word_embeddings"] = .bool(weights.tiesHead)
    for key in weights.biasKeys { config[key] = .bool(true) }
    config[config["dtype"] == nil ? "torch_dtype" : "dtype"] = .string(typeName)
    try write(.object(config), to: "\(folder)/config.json")
  }

  // MARK: From a GGUF

  private func makeFiles(in folder: String) throws {
    let gguf = try GGUFFile(path: model.path)
    let family = Architectures.named(model.architecture)
    var config = try family.config(of: model.spec, file: model.path)
    config["tie_word_embeddings"] = .bool(weights.tiesHead)
    for (key, _) in family.biasKeys { config[key] = .bool(weights.biasKeys.contains(key)) }
    config["torch_dtype"] = .string(typeName)
    var generation = JSONObject()
    let tokenizer = model.tokenizer
    if let id = tokenizer.beginningOfText {
      config["bos_token_id"] = .integer(Int(id))
      generation["bos_token_id"] = .integer(Int(id))
    }
    if let id = tokenizer.endOfText {
      config["eos_token_id"] = .integer(Int(id))
      // The token that ends the text comes first, then those that end turns.
      let others = tokenizer.endOfGeneration.filter { $0 != id }.sorted()
      generation["eos_token_id"] =
        others.isEmpty
        ? .integer(Int(id)) : .array(([id] + others).map { .integer(Int($0)) })
    }
    // Where a configuration is silent, transformers takes what was usual in the family.
    config["pad_token_id"] = .null
    if let id = tokenizer.specialTokens.padding.flatMap(tokenizer.id(of:)) {
      config["pad_token_id"] = .integer(Int(id))
      generation["pad_token_id"] = .integer(Int(id))
    }
    let files = try TokenizerFiles(gguf: gguf, contextLength: model.spec.contextLength)
    try write(.object(config), to: "\(folder)/config.json")
    try write(.object(generation), to: "\(folder)/generation_config.json")
    try write(files.tokenizer, to: "\(folder)/tokenizer.json")
    try write(files.config, to: "\(folder)/tokenizer_config.json")
    if let template = files.chatTemplate {
      try AtomicFile.write(Array(template.utf8), to: "\(folder)/chat_template.jinja")
    }
    guard !files.otherTemplates.isEmpty else { return }
    let others = "\(folder)/additional_chat_templates"
    try NewFolder.make(others)
    for (name, source) in files.otherTemplates {
      guard !name.contains("/"), !name.hasPrefix(".") else { continue }
      try AtomicFile.write(Array(source.utf8), to: "\(others)/\(name).jinja")
    }
  }

  private func write(_ json: JSONValue, to path: String) throws {
    try AtomicFile.write(json.bytes(.indented(by: 2)) + [UInt8(ascii: "\n")], to: path)
  }
}
