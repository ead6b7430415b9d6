import Foundation
import HoneFormats

/// What a model's files say of it, without loading it; also of models that Hone cannot run.
public struct ModelSummary: Equatable, Sendable {
  /// All tensors that are stored in one way.
  public struct Storage: Equatable, Sendable {
    /// `Q4_1`, `BF16`.
    public var type: String
    public var tensorCount: Int
    public var elementCount: Int
    public var byteCount: Int

    /// Bits for a number on average.
    public var bitsPerElement: Double {
      elementCount == 0 ? 0 : 8 * Double(byteCount) / Double(elementCount)
    }
  }

  /// Tensors of one name, type and shape, but for the number of the layer or expert.
  public struct TensorGroup: Hashable, Sendable {
    /// Their name with a star in place of each number: `blk.*.attn_q.weight`.
    public var name: String
    /// `Q4_1`, `BF16`.
    public var type: String
    /// Rows first.
    public var shape: [Int]
    /// The numbers that the star of the layer stands for, rising; empty for a name without one.
    public var layers: [Int] = []
    public var tensorCount = 0
  }

  public var path: String
  /// `GGUF v3`, `safetensors`.
  public var format: String
  /// The bytes of the weight files.
  public var byteCount = 0
  public var name: String?
  /// The family as the file calls it: `llama`.
  public var family: String?
  public var isRunnable = false
  /// What a folder's weights are quantised with: `gptq, 4 bits`; nil for not at all, and for GGUF
  /// files, whose ``storage`` says it.
  public var quantization: String?
  /// By falling bytes.
  public var storage: [Storage] = []
  /// How each tensor is stored, in the files' order.
  public var tensorGroups: [TensorGroup] = []

  public var layerCount: Int?
  public var hiddenSize: Int?
  public var intermediateSize: Int?
  public var headCount: Int?
  public var keyValueHeadCount: Int?
  /// Experts in a layer, and how many of them each token goes through; nil without.
  public var expertCount: Int?
  public var usedExpertCount: Int?
  public var headDimension: Int?
  public var contextLength: Int?
  public var window: Int?
  public var rotaryBase: Double?
  public var vocabularySize: Int?
  /// Whether the output head is the embedding; nil where that is not known.
  public var tiesHead: Bool?

  /// Kind and pre-tokeniser: `gpt2 (smollm)`.
  public var tokenizer: String?
  /// Special tokens by name.
  public var tokens = JSONObject()
  /// Chat templates by name, with the length of their source in bytes.
  public var templates: [String: Int] = [:]
  public var licence: String?

  public var elementCount: Int { storage.reduce(0) { $0 + $1.elementCount } }

  private init(path: String, format: String) {
    self.path = path
    self.format = format
  }

  /// Reads a GGUF file, a folder in Hugging Face layout or a lone safetensors file.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for damaged files.
  public init(path: String) throws {
    if Disk.isFolder(path) {
      try self.init(folder: path)
    } else if path.lowercased().hasSuffix(".safetensors") {
      self.init(path: path, format: "safetensors")
      addStorage(of: [try SafetensorsFile(path: path)])
    } else {
      try self.init(gguf: GGUFFile(path: path))
    }
  }

  private mutating func add(_ type: String, elements: Int, bytes: Int) {
    if let i = storage.firstIndex(where: { $0.type == type }) {
      storage[i].tensorCount += 1
      storage[i].elementCount += elements
      storage[i].byteCount += bytes
    } else {
      storage.append(
        Storage(type: type, tensorCount: 1, elementCount: elements, byteCount: bytes))
    }
  }

  private mutating func groupTensors(_ tensors: [(name: String, type: String, shape: [Int])]) {
    var places: [TensorGroup: Int] = [:]
    for tensor in tensors {
      var layer: Int?
      let starred = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
        .map { part -> Substring in
          guard let number = Int(part) else { return part }
          layer = layer ?? number
          return "*"
        }.joined(separator: ".")
      let group = TensorGroup(name: starred, type: tensor.type, shape: tensor.shape)
      let place = places[group, default: tensorGroups.count]
      if place == tensorGroups.count {
        places[group] = place
        tensorGroups.append(group)
      }
      tensorGroups[place].tensorCount += 1
      // The experts of a layer follow each other.
      if let layer, tensorGroups[place].layers.last != layer {
        tensorGroups[place].layers.append(layer)
      }
    }
    for place in tensorGroups.indices {
      tensorGroups[place].layers = Set(tensorGroups[place].layers).sorted()
    }
  }

  private mutating func sortStorage() {
    storage.sort { ($1.byteCount, $0.type) < ($0.byteCount, $1.type) }
  }

  /// The size of a head where the file does not give it.
  private static func quotient(_ width: Int?, _ heads: Int?) -> Int? {
    guard let width, let heads, heads > 0, width % heads == 0 else { return nil }
    return width / heads
  }

  // MARK: GGUF

  private init(gguf file: GGUFFile) throws {
    self.init(path: file.path, format: "GGUF v\(file.version)")
    let metadata = file.metadata
    for tensor in file.tensors {
      add(tensor.type.name, elements: tensor.elementCount, bytes: tensor.bytes.count)
    }
    sortStorage()
    groupTensors(file.tensors.map { ($0.name, $0.type.name, $0.shape) })
    let parts = Set(file.tensors.map(\.file.path)).union([file.path])
    byteCount = parts.reduce(0) { $0 + (Disk.status($1)?.byteCount ?? 0) }
    name = try metadata.string("general.name")
    licence = try metadata.string("general.license")
    family = try metadata.string("general.architecture")
    isRunnable =
      !file.tensors.isEmpty
      && Architectures.all.contains { $0.ggufNames.contains(family ?? "") }
    let prefix = (family ?? "") + "."
    // A few families give one number a layer; those are not shown as one.
    let count = { (key: String) in metadata[prefix + key]?.integer }
    layerCount = count("block_count")
    hiddenSize = count("embedding_length")
    intermediateSize = count("feed_forward_length")
    headCount = count("attention.head_count")
    keyValueHeadCount = count("attention.head_count_kv")
    expertCount = count("expert_count").flatMap { $0 == 0 ? nil : $0 }
    usedExpertCount = expertCount == nil ? nil : count("expert_used_count")
    headDimension = count("attention.key_length") ?? Self.quotient(hiddenSize, headCount)
    contextLength = count("context_length")
    window = count("attention.sliding_window")
    rotaryBase = metadata[prefix + "rope.freq_base"]?.double
    vocabularySize =
      try metadata.stringArray("tokenizer.ggml.tokens")?.count ?? count("vocab_size")
    if file.tensor(named: "token_embd.weight") != nil {
      tiesHead = file.tensor(named: "output.weight") == nil
    }
    if let model = try metadata.string("tokenizer.ggml.model") {
      tokenizer = model + (try metadata.string("tokenizer.ggml.pre").map { " (\($0))" } ?? "")
    }
    add(try ChatFormat(gguf: file))
  }

  private mutating func add(_ chat: ChatFormat) {
    tokens = chat.tokens
    templates = chat.sources.mapValues(\.utf8.count)
  }

  // MARK: Folder

  private init(folder: String) throws {
    self.init(path: folder, format: "safetensors")
    let hasIndex = Disk.exists("\(folder)/\(SafetensorsFolder.indexName)")
    if hasIndex || Disk.exists("\(folder)/\(SafetensorsFolder.singleName)") {
      addStorage(of: try SafetensorsFolder(path: folder).files)
    } else if Disk.exists("\(folder)/adapter_model.safetensors") {
      format = "adapter, safetensors"
      addStorage(of: [try SafetensorsFile(path: "\(folder)/adapter_model.safetensors")])
    }
    try readConfiguration(of: folder)
    try readTokenizer(of: folder)
    licence = try Self.licence(of: folder)
    guard family != nil || !storage.isEmpty || tokenizer != nil else {
      throw ModelError(
        subject: folder, problem: "holds no model",
        advice: LocalModel.folderAdvice)
    }
  }

  private mutating func addStorage(of files: [SafetensorsFile]) {
    let tensors = files.flatMap(\.tensors)
    for tensor in tensors {
      add(
        tensor.type.rawValue, elements: tensor.shape.reduce(1, *), bytes: tensor.bytes.count)
    }
    sortStorage()
    groupTensors(tensors.map { ($0.name, $0.type.rawValue, $0.shape) })
    byteCount = files.reduce(0) { $0 + (Disk.status($1.path)?.byteCount ?? 0) }
  }

  private static func json(_ path: String) throws -> JSONValue? {
    try Disk.contents(path).map {
      try JSONParser.parse(String(decoding: $0, as: UTF8.self), file: path)
    }
  }

  private mutating func readConfiguration(of folder: String) throws {
    guard let config = try Self.json("\(folder)/config.json") else { return }
    name = config["_name_or_path"]?.string ?? config["_model_name_or_path"]?.string
    family = config["model_type"]?.string
    quantization = Configuration(config, file: "\(folder)/config.json").quantization
    isRunnable =
      storage.first != nil && quantization == nil
      && Architectures.all.contains { $0.modelTypes.contains(family ?? "") }
    // Families have several words for the same.
    func count(_ keys: String...) -> Int? { keys.lazy.compactMap { config[$0]?.integer }.first }
    layerCount = count("num_hidden_layers", "n_layer")
    hiddenSize = count("hidden_size", "n_embd")
    intermediateSize = count("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
    headCount = count("num_attention_heads", "n_head")
    keyValueHeadCount = count("num_key_value_heads", "num_kv_heads")
    expertCount = count("num_local_experts", "num_experts", "n_routed_experts")
    usedExpertCount = expertCount == nil ? nil : count("num_experts_per_tok")
    headDimension = count("head_dim") ?? Self.quotient(hiddenSize, headCount)
    contextLength = count("max_position_embeddings", "n_positions")
    window = count("sliding_window")
    rotaryBase =
      config["rope_theta"]?.double ?? config["rotary_emb_base"]?.double
      ?? config["rope_parameters"]?["rope_theta"]?.double
    vocabularySize = config["vocab_size"]?.integer
    tiesHead = config["tie_word_embeddings"]?.bool
  }

  private mutating func readTokenizer(of folder: String) throws {
    add(try ChatFormat(LocalModel(path: folder, layout: .folder)))
    if let json = try Self.json("\(folder)/tokenizer.json") {
      tokenizer = json["model"]?["type"]?.string ?? "of an unknown kind"
    } else if Disk.exists("\(folder)/tokenizer.model") {
      tokenizer = "SentencePiece"
    }
  }

  /// What the model card's head says, else the licence file's first line.
  private static func licence(of folder: String) throws -> String? {
    if let card = Disk.contents("\(folder)/README.md") {
      let lines = String(decoding: card, as: UTF8.self).split(separator: "\n").prefix(80)
      if lines.first == "---" {
        for line in lines.dropFirst().prefix(while: { $0 != "---" })
        where line.hasPrefix("license:") {
          return line.dropFirst("license:".count).trimmingCharacters(in: .whitespaces)
        }
      }
    }
    return Disk.contents("\(folder)/LICENSE").flatMap { text in
      String(decoding: text, as: UTF8.self).split(separator: "\n").first?
        .trimmingCharacters(in: .whitespaces)
    }
  }
}
