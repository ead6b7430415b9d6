import HoneFormats
import HoneTensors
import HoneText

/// A language model ready to run: its network, its tokenizer, and what its files say of it.
///
///     let local = try await ModelStore().locate(ModelReference(parsing: "smollm2-135m"))
///     let model = try LanguageModel(local, engine: Engine(threads: 2))
public final class LanguageModel {
  public let path: String
  /// The family's name: `llama`.
  public let architecture: String
  public let decoder: Decoder
  public let tokenizer: Tokenizer
  /// How conversations are written for it.
  public let chatFormat: ChatFormat
  public var spec: DecoderSpec { decoder.spec }

  /// Loads a model; its weights stay in their files, memory-mapped.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for a damaged file, ``HoneText/TextError`` for a tokenizer
  ///   that Hone does not know, ``ModelError`` for a network that it cannot run.
  ///
  /// - Parameter quantization: what the projections of a model in full precision are quantised to, in
  ///   memory: NF4, FP4 or Q8_0. Embedding, head and norms stay as they are.
  public convenience init(
    _ model: LocalModel, engine: Engine, quantization: StorageFormat? = nil
  ) throws {
    switch model.layout {
    case .gguf: try self.init(gguf: model.path, engine: engine, quantization: quantization)
    case .folder: try self.init(folder: model.path, engine: engine, quantization: quantization)
    }
  }

  private init(
    path: String, architecture: String, decoder: Decoder, tokenizer: Tokenizer,
    chatFormat: ChatFormat
  ) throws {
    guard tokenizer.vocabularyCount <= decoder.spec.vocabularySize else {
      throw ModelError(
        subject: path,
        problem: """
          the tokenizer has \(tokenizer.vocabularyCount) tokens and the network \
          \(decoder.spec.vocabularySize)
          """, advice: "they belong to different models")
    }
    self.path = path
    self.architecture = architecture
    self.decoder = decoder
    self.tokenizer = tokenizer
    self.chatFormat = chatFormat
  }

  package convenience init(
    gguf path: String, engine: Engine, quantization: StorageFormat? = nil
  ) throws {
    let file = try GGUFFile(path: path)
    let family = try Architectures.named(gguf: file.metadata, file: path)
    let source = try WeightSource(gguf: file, quantization: quantization)
    let spec = try family.spec(gguf: GGUFConfiguration(file.metadata, source: source))
    let tensors = DecoderTensors(
      family: family, spec: spec, source: source, engine: engine, isGGUF: true)
    try self.init(
      path: path, architecture: family.name, decoder: tensors.decoder(),
      tokenizer: Tokenizer(gguf: file), chatFormat: ChatFormat(gguf: file))
  }

  package convenience init(
    folder path: String, engine: Engine, quantization: StorageFormat? = nil
  ) throws {
    let configPath = "\(path)/config.json"
    guard Disk.exists(configPath) else {
      throw ModelError(
        subject: path, problem: "has no config.json", advice: LocalModel.folderAdvice)
    }
    let file = try MappedFile(path: configPath)
    let json = try withExtendedLifetime(file) {
      try JSONParser.parse(file.bytes, file: configPath)
    }
    let config = Configuration(json, file: configPath)
    let family = try Architectures.named(
      modelType: config.require("model_type", config.string), file: configPath)
    let folder = try SafetensorsFolder(path: path)
    try config.refuseQuantization(of: folder.tensors.lazy.map(\.name))
    let source = try WeightSource(folder: folder, quantization: quantization)
    let spec = try family.spec(config: config)
    let tensors = DecoderTensors(
      family: family, spec: spec, source: source, engine: engine, isGGUF: false)
    try self.init(
      path: path, architecture: family.name, decoder: tensors.decoder(),
      tokenizer: Tokenizer(folder: path),
      chatFormat: ChatFormat(LocalModel(path: path, layout: .folder)))
  }
}
