import Foundation
import HoneFormats
import HoneModels
import HoneTensors

/// Adapters in folders as peft keeps them: `adapter_config.json` and `adapter_model.safetensors`.
///
/// Reading is strict: every key and every tensor is honoured, known to change nothing, or named in
/// an error. Peft itself warns at most.
public enum AdapterFolder {
  package static let configName = "adapter_config.json"
  package static let weightsName = "adapter_model.safetensors"
  private static let pickledName = "adapter_model.bin"

  /// The version of peft whose files these are.
  private static let version = "0.21.2"

  // MARK: Reading

  /// Reads an adapter of a model.
  ///
  /// - Throws: ``AdapterError`` with all that is wrong, ``HoneFormats/FormatError`` for damaged files.
  public static func load(
    _ path: String, for model: LanguageModel, engine: Engine
  ) throws -> any TrainableAdapter {
    var contents = try contents(of: path)
    if AdapterHubFolder.concerns(contents) {
      contents = try AdapterHubFolder.peft(contents, for: model, subject: path)
    }
    guard !RewardModel.reads(contents.config) else {
      throw AdapterError(
        path, problem: "holds a reward model, which gives answers a number and writes none",
        advice: "`hone score --data` shows what it gives")
    }
    return try adapter(contents, for: model, engine: engine, subject: path)
  }

  /// The adapter that contents of peft's describe.
  static func adapter(
    _ contents: AdapterContents, for model: LanguageModel, engine: Engine, subject: String
  ) throws -> any TrainableAdapter {
    guard let method = AdapterMethods.all.first(where: { $0.reads(contents.config) }) else {
      let type = contents.config["peft_type"].map { $0.text() } ?? "none"
      throw AdapterError(
        subject,
        problem: "\(configName): peft_type is \(type), which is no method that Hone reads",
        advice: "it reads \(AdapterMethods.all.map(\.name).joined(separator: ", "))")
    }
    var contents = contents
    // Peft notes with an adapter how the base keeps its projections.
    if model.spec.names.storesInputsFirst, contents.config["fan_in_fan_out"] == .bool(true) {
      contents.config["fan_in_fan_out"] = .bool(false)
    }
    if contents.hasStackedExperts {
      contents = try contents.separatingExperts(of: model.spec, subject: subject)
    }
    return try method.load(AdapterReader(contents, subject: subject), model, engine)
  }

  /// Reads what a folder holds, whatever it means.
  public static func contents(of path: String) throws -> AdapterContents {
    let configPath = "\(path)/\(configName)"
    guard isFile(configPath) else { throw absent(configName, of: path) }
    let file = try MappedFile(path: configPath)
    let json = try withExtendedLifetime(file) {
      try JSONParser.parse(file.bytes, file: configPath, duplicateKeys: .rejected)
    }
    guard let config = json.object else {
      throw FormatError(file: configPath, problem: "is not a JSON object")
    }
    let kind: AdapterContents.Kind =
      isFile("\(path)/\(AdapterContents.Kind.adapterHub.weightsName)") ? .adapterHub : .peft
    let weightsPath = "\(path)/\(kind.weightsName)"
    guard isFile(weightsPath) else { throw absent(weightsName, of: path) }
    var contents = AdapterContents(
      config: config, entries: try SafetensorsFile(path: weightsPath).tensors.map(Self.entry))
    contents.kind = kind
    return contents
  }

  private static func entry(_ tensor: SafetensorsTensor) throws -> AdapterContents.Entry {
    if tensor.type == .i32 {
      return AdapterContents.Entry(
        tensor.name, shape: tensor.shape,
        .indices(
          (0..<tensor.elementCount).map {
            tensor.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)
          }))
    }
    guard let format = StorageFormat(rawValue: tensor.type.rawValue), format.isDense else {
      throw AdapterError(
        tensor.file.path,
        problem: "\(tensor.name): is stored as \(tensor.type.rawValue), expected F32, F16 or BF16")
    }
    guard let columns = tensor.shape.last else {
      throw AdapterError(
        tensor.file.path, problem: "\(tensor.name): is one number, without a shape")
    }
    // A module that AdaLoRA left without a rank has such tensors.
    guard tensor.elementCount > 0 else {
      return AdapterContents.Entry(tensor.name, shape: tensor.shape, .plain([]))
    }
    return AdapterContents.Entry(
      tensor.name, shape: tensor.shape,
      .stored(
        Weight(
          rows: tensor.elementCount / columns, columns: columns, format: format,
          bytes: tensor.bytes, owner: tensor.file)))
  }

  private static func isFile(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }

  /// Says what is missing, and what stands there in its place.
  private static func absent(_ name: String, of path: String) -> AdapterError {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    if files.contains(pickledName) {
      return AdapterError(
        path, problem: "holds \(pickledName), a pickle, which can run any code when it is read",
        advice: "load it with peft where you trust it, and save it with safe_serialization=True")
    }
    let inner = files.filter { isFile("\(path)/\($0)/\(configName)") }.sorted()
    if let first = inner.first {
      return AdapterError(
        path, problem: "has no \(name), but \(inner.joined(separator: ", ")) in it has",
        advice: "give \(path)/\(first)")
    }
    return AdapterError(
      path, problem: files.isEmpty ? "is not a folder with an adapter" : "has no \(name)",
      advice: "an adapter is a folder with \(configName) and \(weightsName)")
  }

  // MARK: Writing

  /// Writes an adapter; peft loads it where it has the method.
  ///
  /// - Parameters:
  ///   - path: a folder, made where it is missing; an adapter in it is replaced.
  ///   - base: what the configuration calls the model that was adapted.
  /// - Throws: ``HoneFormats/FormatError`` when it cannot be written.
  public static func save(
    _ adapter: any TrainableAdapter, to path: String, base: String? = nil
  ) throws {
    try save(adapter.folder(), to: path, base: base)
  }

  /// Writes an adapter as AdapterHub's `adapters` loads it.
  ///
  /// - Throws: ``AdapterError`` with all that cannot be said in that format.
  public static func saveForAdapterHub(
    _ adapter: any TrainableAdapter, to path: String, of model: LanguageModel, subject: String,
    base: String? = nil
  ) throws {
    try save(
      AdapterHubFolder.contents(of: adapter, subject: subject, model: model), to: path, base: base)
  }

  private static func save(
    _ contents: AdapterContents, to path: String, base: String?
  ) throws {
    var contents = contents
    let common: [(String, JSONValue)] = [
      ("auto_mapping", .null), ("base_model_name_or_path", base.map { .string($0) } ?? .null),
      ("inference_mode", .bool(true)), ("peft_version", .string(version)), ("revision", .null),
      ("task_type", .string("CAUSAL_LM")),
    ]
    switch contents.kind {
    case .peft:
      for (key, value) in common where contents.config[key] == nil { contents.config[key] = value }
    case .adapterHub: contents.config["model_name"] = base.map { .string($0) } ?? .null
    }
    try write(contents, to: path)
  }

  /// - Throws: ``AdapterError`` for a folder that holds something.
  package static func expectNothing(in path: String) throws {
    guard let found = try? FileManager.default.contentsOfDirectory(atPath: path), !found.isEmpty
    else { return }
    throw AdapterError(
      path, problem: "is not empty", advice: "give a new folder, or remove this one")
  }

  package static func write(_ contents: AdapterContents, to path: String) throws {
    try NewFolder.make(path)
    let (_, layout) = layout(of: contents)
    let entries = Dictionary(uniqueKeysWithValues: contents.entries.map { ($0.name, $0) })
    try SafetensorsWriter.write(
      to: "\(path)/\(contents.kind.weightsName)",
      layout, metadata: metadata(of: contents)
    ) { described, give in
      guard let entry = entries[described.name] else { return }
      try entry.withBytes(give)
    }
    // The configuration comes last: with it, the folder is an adapter.
    try AtomicFile.write(
      text(of: contents), to: "\(path)/\(configName)")
  }

  /// The tensors of the file, and how large it is.
  static func layout(of contents: AdapterContents) -> (size: Int, [SafetensorsWriter.Entry]) {
    let entries = contents.entries.map {
      SafetensorsWriter.Entry(name: $0.name, type: $0.type, shape: $0.shape)
    }
    return (SafetensorsWriter.size(of: entries, metadata: metadata(of: contents)), entries)
  }

  /// The configuration's bytes.
  static func text(of contents: AdapterContents) -> [UInt8] {
    JSONValue.object(contents.config).bytes(.indented(by: 2), sortingKeys: true)
  }

  private static func metadata(of contents: AdapterContents) -> [String: String] {
    contents.kind == .peft ? ["format": "pt"] : [:]
  }
}

extension AdapterContents.Entry {
  /// Trained numbers are written in f32, frozen ones as they are stored where the format can.
  fileprivate var type: SafetensorsType {
    if case .indices = numbers { return .i32 }
    guard case .stored(let weight) = numbers else { return .f32 }
    return SafetensorsType(rawValue: weight.format.rawValue) ?? .f32
  }

  fileprivate func withBytes(_ give: (UnsafeRawBufferPointer) throws -> Void) throws {
    switch numbers {
    case .trained(let tensor):
      try withExtendedLifetime(tensor) {
        try give(UnsafeRawBufferPointer(start: tensor.pointer, count: tensor.byteCount))
      }
    case .plain(let values): try values.withUnsafeBytes(give)
    case .indices(let places): try places.withUnsafeBytes(give)
    case .stored(let weight) where weight.format.isDense:
      try withExtendedLifetime(weight) {
        try give(UnsafeRawBufferPointer(start: weight.bytes, count: weight.byteCount))
      }
    case .stored(let weight):
      for row in stride(from: 0, to: weight.rows, by: 256) {
        let rows = row..<min(row + 256, weight.rows)
        let values = [Float](unsafeUninitializedCapacity: rows.count * weight.columns) {
          weight.decode(rows: rows, into: $0.baseAddress!)
          $1 = rows.count * weight.columns
        }
        try values.withUnsafeBytes(give)
      }
    }
  }
}
