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
}
