import Foundation
import HoneFormats
import HoneModels
import HoneTensors
import HoneText

/// Makes one model of a base and its adapters, as a folder in Hugging Face layout.
///
///     let report = try ModelMerge(model, adapters: [adapter], engine: engine)
///       .write(to: "merged", format: .bf16)
///
/// The folder appears only when the merged model, read back from it, computes what base and adapters
/// compute.
public struct ModelMerge {
  /// How the merged weights are stored.
  public enum Format: String, Sendable, CaseIterable {
    case bf16, f16, f32

    fileprivate var storage: StorageFormat {
      switch self {
      case .bf16: .bf16
      case .f16: .f16
      case .f32: .f32
      }
    }

    fileprivate var type: SafetensorsType {
      switch self {
      case .bf16: .bf16
      case .f16: .f16
      case .f32: .f32
      }
    }

    /// PyTorch's name.
    fileprivate var torchName: String {
      switch self {
      case .bf16: "bfloat16"
      case .f16: "float16"
      case .f32: "float32"
      }
    }
  }

  /// How far writing has come.
  public typealias Listener = (_ step: String, _ completed: Int, _ total: Int) -> Void

  private let model: LanguageModel
  private let adapters: [any TrainableAdapter]
  private let weights: [Double]
  private let engine: Engine

  /// - Parameter weights: how much of each adapter's change counts; nil for all of it.
  /// - Throws: ``AdapterError`` for adapters that cannot be merged, with the reasons.
  public init(
    _ model: LanguageModel, adapters: [any TrainableAdapter], weights: [Double]? = nil,
    engine: Engine
  ) throws {
    let obstacles = adapters.compactMap { adapter in
      adapter.obstacleToMerging.map { "\(adapter.methodName): \($0)" }
    }
    guard obstacles.isEmpty else {
      throw AdapterError(
        "merging", faults: obstacles, advice: "use the adapter beside its base, with --adapter")
    }
    self.model = model
    self.adapters = adapters
    self.weights = weights ?? Array(repeating: 1, count: adapters.count)
    precondition(self.weights.count == adapters.count, "\(self.weights.count) weights")
    self.engine = engine
  }

  /// Writes the merged model.
  ///
  /// - Parameters:
  ///   - path: a folder that does not exist yet, or is empty.
  ///   - probe: the text on which the models are compared; nil for one of several kinds.
  /// - Throws: ``AdapterError`` when the result would not be the model that was asked for; nothing
  ///   is left behind then.
  public func write(
    to path: String, format: Format = .bf16, maximumShardBytes: Int = 4_000_000_000,
    probe: String? = nil, listener: Listener = { _, _, _ in }
  ) throws -> MergeReport {
    let files = FileManager.default
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    try AdapterFolder.expectNothing(in: path)
    let name = URL(fileURLWithPath: path).lastPathComponent
    let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let partial = "\(parent)/.\(name).partial"
    try? files.removeItem(atPath: partial)
    defer { try? files.removeItem(atPath: partial) }
    try NewFolder.make(partial)
    let weights = try MergedWeights(
      model, adapters: adapters, weights: weights, engine: engine)
    try ModelFolderFiles(model: model, weights: weights, typeName: format.torchName)
      .write(to: partial)
    try write(
      weights, to: partial, format: format, maximumShardBytes: maximumShardBytes,
      listener: listener)
    listener("comparing", 0, 1)
    let report = try compare(with: partial, probe: probe ?? MergeReport.probe)
    if let fault = report.fault {
      throw AdapterError(
        path, problem: "is not written: \(fault)",
        advice: format == .f32 ? "the adapter may belong to another base" : "try --format f32")
    }
    do {
      // An empty folder of that name gives way.
      try? files.removeItem(atPath: path)
      try files.moveItem(atPath: partial, toPath: path)
    } catch {
      throw FormatError(file: path, problem: "cannot be made: \(error.localizedDescription)")
    }
    return report
  }

  private func write(
    _ weights: MergedWeights, to folder: String, format: Format, maximumShardBytes: Int,
    listener: Listener
  ) throws {
    let entries = weights.entries
    var written = 0
    var broken: [String] = []
    try SafetensorsFolderWriter.write(
      to: folder,
      entries.map { .init(name: $0.name, type: format.type, shape: $0.shape) },
      maximumShardBytes: maximumShardBytes
    ) { entry, give in
      let values = weights.values(of: entry.name)
      let limit: Float = format == .f16 ? 65_504 : .greatestFiniteMagnitude
      let count = values.count { !(abs($0) <= limit) }
      if count > 0 {
        broken.append("\(entry.name): \(count) numbers are not finite in \(format.rawValue)")
      }
      try format.storage.encode(values).withUnsafeBytes(give)
      written += 1
      listener("writing", written, entries.count)
    }
    guard broken.isEmpty else {
      throw AdapterError(
        folder, faults: broken, advice: format == .f16 ? "use --format bf16" : "")
    }
  }

  /// Reads the merged model back and compares it.
  private func compare(with folder: String, probe: String) throws -> MergeReport {
    let exact = Engine(sharing: engine, compute: .f32)
    let merged = try LanguageModel(LocalModel(path: folder, layout: .folder), engine: exact)
    var ids = model.tokenizer.encode(probe)
    guard merged.tokenizer.encode(probe) == ids else {
      throw AdapterError(
        folder, problem: "the merged model's tokenizer gives other ids for the probe text",
        advice: "use the model's folder in Hugging Face layout as the base")
    }
    ids = Array(ids.prefix(min(512, model.spec.contextLength)))
    guard !ids.isEmpty else { throw AdapterError("the probe text", problem: "is empty") }
    func logits(_ model: LanguageModel, _ adapter: any Adapter) -> [Float] {
      let pass = Pass(exact)
      return model.decoder.logits(
        model.decoder.hiddenStates(TokenBatch([ids]), adapter: adapter, in: pass),
        adapter: adapter, in: pass
      ).values
    }
    return MergeReport(
      merged: logits(merged, NoAdapter()),
      adapted: logits(model, AdapterStack(adapters, weights: weights)),
      base: logits(model, NoAdapter()), vocabulary: model.spec.vocabularySize)
  }
}
