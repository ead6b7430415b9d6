import HoneFormats
import HoneModels
import HoneTensors

/// One LoRA made of several.
public struct CombinedLoRA {
  public let adapter: LoRA
  /// The rank of all its matrices.
  public let rank: Int
  /// How many projections it changes.
  public let projectionCount: Int
  /// How much of the sum a cut to a rank left out, `‖Δ - Δ'‖ / ‖Δ‖`; zero where nothing was cut.
  public let residual: Double
}

extension LoRA {
  /// Makes one LoRA of several, each with a weight.
  ///
  /// A projection that only some of them change is made of those alone.
  ///
  /// - Parameter adapters: what errors call them, the adapters and their weights.
  /// - Throws: ``AdapterError`` with all that keeps them from being combined.
  public static func combined(
    _ adapters: [(name: String, adapter: any TrainableAdapter, weight: Double)],
    strategy: CombiningStrategy, _ settings: SettingValues, for model: LanguageModel,
    engine: Engine
  ) throws -> CombinedLoRA {
    var faults: [String] = []
    if adapters.isEmpty { faults.append("there is nothing to combine") }
    for item in adapters where !item.weight.isFinite {
      faults.append("\(item.name): its weight is no finite number")
    }
    faults += adapters.flatMap { item in
      obstacles(to: item.adapter).map { "\(item.name): \($0)" }
    }
    guard faults.isEmpty else { throw AdapterError("combining", faults: faults) }
    let loras = adapters.compactMap { item in
      (item.adapter as? LoRA).map { (name: item.name, lora: $0, weight: item.weight) }
    }
    var combined: [(site: Site, change: CombinedChange)] = []
    for site in model.spec.sites {
      let parts = loras.enumerated().compactMap { number, item in
        item.lora.modules.first { $0.site == site }.map { (number: number, item: item, module: $0) }
      }
      guard let first = parts.first else { continue }
      if strategy.needsEqualRanks, parts.contains(where: { $0.module.rank != first.module.rank }) {
        let ranks = parts.map { "\($0.module.rank) in \($0.item.name)" }
        faults.append("\(site.path): the ranks differ, \(ranks.joined(separator: ", "))")
        continue
      }
      let changes = parts.map { part in
        WeightedChange(
          weight: part.item.weight * Double(part.module.scale), rank: part.module.rank,
          down: part.module.down.tensor.values, up: part.module.up.tensor.values,
          label: "\(site.path) \(part.number)")
      }
      combined.append((site, strategy.combine(changes, settings)))
    }
    guard faults.isEmpty else {
      throw AdapterError(
        strategy.name, faults: faults, advice: "linear, cat and svd combine any ranks")
    }
    return try CombinedLoRA(combined, model: model, engine: engine)
  }

  /// What keeps an adapter from being one of several that become one LoRA.
  private static func obstacles(to adapter: any TrainableAdapter) -> [String] {
    guard let lora = adapter as? LoRA else {
      return ["is made by \(adapter.methodName), and only LoRAs are combined to one"]
    }
    var obstacles: [String] = []
    if !lora.saved.isEmpty {
      obstacles.append("holds modules that were trained whole (modules_to_save)")
    }
    if lora.isShared { obstacles.append("has one change for embedding and head") }
    for site in lora.replaced.keys.map(\.path).sorted() {
      obstacles.append("brings a \(site) of its own, another than the model's")
    }
    return obstacles
  }
}

extension CombinedLoRA {
  /// Makes the adapter of what each projection's change has become; all get the largest rank.
  init(
    _ changes: [(site: Site, change: CombinedChange)], model: LanguageModel, engine: Engine
  ) throws {
    let rank = changes.map(\.change.rank).max() ?? 1
    let options = try LoRAOptions(
      LoRA.method.values(
        JSONObject([
          ("rank", .integer(rank)), ("alpha", .integer(rank)),
          ("target_modules", .array(changes.map { .string($0.site.path) })),
        ])))
    let indices = Dictionary(
      uniqueKeysWithValues: model.spec.sites.enumerated().map { ($0.element, $0.offset) })
    let modules = changes.map { site, change in
      let change = change.padded(to: rank)
      let place = LoRAOptions.Place(
        site: site, index: indices[site] ?? 0, rank: rank, scale: 1,
        inputs: change.down.count / rank, outputs: change.up.count / rank)
      return LoRA.Module(place, options: options) { _, shape, isInner in
        engine.tensor(shape, isInner ? change.down : change.up)
      }
    }
    adapter = LoRA(
      options: options, modules: modules,
      saved: try SavedModules([], of: model, engine: engine, subject: LoRA.method.name),
      isShared: false, model: model)
    self.rank = rank
    projectionCount = modules.count
    let cut = changes.reduce(0) { $0 + $1.change.cut }
    let whole = changes.reduce(0) { $0 + $1.change.whole }
    residual = whole > 0 ? (cut / whole).squareRoot() : 0
  }
}
