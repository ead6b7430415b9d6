import HoneFormats
import HoneTensors

/// A language model ready to run: its network, and what its files say of it.
public final class LanguageModel {
  public let path: String
  /// The family's name: `llama`.
  public let architecture: String
  public let decoder: Decoder
  public var spec: DecoderSpec { decoder.spec }

  init(path: String, architecture: String, decoder: Decoder) {
    self.path = path
    self.architecture = architecture
    self.decoder = decoder
  }

  /// Loads a model from one GGUF file; its weights stay in the file, memory-mapped.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for a damaged file, ``ModelError`` for one that Hone
  ///   cannot run.
  public convenience init(gguf path: String, engine: Engine) throws {
    let file = try GGUFFile(path: path)
    let family = try Architectures.named(
      gguf: file.metadata.requireString("general.architecture"), file: path)
    let source = WeightSource(gguf: file)
    let spec = try family.spec(gguf: file.metadata, source: source)
    self.init(
      path: path, architecture: family.name,
      decoder: try family.decoder(spec: spec, gguf: source, engine: engine))
  }

  /// Loads a model from a folder in Hugging Face layout; its weights stay in the files,
  /// memory-mapped.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for damaged files, ``ModelError`` for a model that Hone
  ///   cannot run.
  public convenience init(folder path: String, engine: Engine) throws {
    let configPath = "\(path)/config.json"
    let bytes = try MappedFile(path: configPath)
    let config = Configuration(
      try JSONParser.parse(bytes.bytes, file: configPath), file: configPath)
    if config.has("quantization_config") {
      throw config.fault(
        "quantization_config", "is set, and Hone reads folders in full precision only")
    }
    let family = try Architectures.named(
      modelType: config.require("model_type", config.string), file: configPath)
    let source = WeightSource(folder: try SafetensorsFolder(path: path))
    let spec = try family.spec(config: config)
    self.init(
      path: path, architecture: family.name,
      decoder: try family.decoder(spec: spec, folder: source, engine: engine))
  }
}
