import HoneFormats
import HoneModels
import HoneTensors

/// What peft's folders of prompts have in common: `PromptLearningConfig` of peft 0.21, and one tensor.
enum PromptFolder {
  static let tensorName = "prompt_embeddings"

  /// Why rows and keys before a sequence cannot become part of a model's matrices.
  static let obstacleToMerging =
    "what stands before every sequence is no part of any matrix; give the adapter beside the model"

  /// A configuration's common keys.
  ///
  /// - Parameters:
  ///   - heads: how many heads a row has: the model's, or its key-value heads.
  ///   - width: how wide a row is, of one block where it has several.
  static func config(
    _ type: String, rows: Int, heads: Int, width: Int, spec: DecoderSpec,
    _ own: [(String, JSONValue)]
  ) -> JSONObject {
    JSONObject(
      [
        ("modules_to_save", .null), ("num_attention_heads", .integer(heads)),
        ("num_layers", .integer(spec.layerCount)), ("num_transformer_submodules", .integer(1)),
        ("num_virtual_tokens", .integer(rows)), ("peft_type", .string(type)),
        ("token_dim", .integer(width)),
      ] + own)
  }
}

extension AdapterReader {
  /// Reads the common keys, which must be those of the model, and the rows that are trained.
  func readPrompt(
    heads: Int, width: Int, columns: Int, spec: DecoderSpec, engine: Engine
  ) -> Tensor {
    for (key, expected) in [
      ("num_attention_heads", heads), ("num_layers", spec.layerCount), ("token_dim", width),
      ("num_transformer_submodules", 1),
    ] {
      let found = read(key, .integer(1...(.max)), default: .null)
      guard let number = found.integer, number != expected else { continue }
      note("\(key): is \(number), and the model's is \(expected)")
    }
    allow("modules_to_save", only: .null, .array([]))
    let name = PromptFolder.tensorName
    let stored = shape(of: name)?.first ?? 1
    let rows =
      read("num_virtual_tokens", .integer(1...(.max)), default: .integer(stored)).integer ?? stored
    return tensor(name, shape: [rows, columns], engine: engine) ?? engine.zeros([1, columns])
  }

  /// A key that says how an adapter began, kept to be written again.
  func keep(_ key: String, _ kind: Setting.Kind, default value: JSONValue) -> (String, JSONValue) {
    (key, read(key, kind, default: value, or: [.null]))
  }
}
