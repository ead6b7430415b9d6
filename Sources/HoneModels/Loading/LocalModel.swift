/// A model on this machine's disk, ready to be loaded.
public struct LocalModel: Equatable, Sendable {
  public enum Layout: String, Sendable {
    /// A folder in Hugging Face layout.
    case folder
    /// One GGUF file.
    case gguf
  }

  public var path: String
  public var layout: Layout

  public init(path: String, layout: Layout) {
    self.path = path
    self.layout = layout
  }

  /// What a folder that cannot be a model's should have.
  package static let folderAdvice =
    "a model's folder has config.json and model.safetensors or its index"

  /// Whether a folder has anything of a model's, be it only a tokenizer.
  package static func hasParts(_ folder: String) -> Bool {
    let parts = [
      "config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
      "chat_template.jinja", "chat_template.json", "model.safetensors",
      "model.safetensors.index.json",
    ]
    return parts.contains { Disk.exists("\(folder)/\($0)") }
  }
}
