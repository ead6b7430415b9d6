import HoneFormats
import HoneModels
import HoneTensors

/// LoRA in peft's folder: `LoraConfig` of peft 0.21 and its tensors.
extension LoRA {
  /// - Parameters:
  ///   - variant: what it is part of.
  ///   - others: takes what the file has beside a LoRA, from the reader.
  convenience init(
    reading reader: AdapterReader, model: LanguageModel, engine: Engine,
    variant: LoRAOptions.Variant = .plain, others: (LoRAOptions.Plan) -> Void = { _ in }
  ) throws {
    let options = LoRAOptions(reading: reader, variant: variant)
    let plan = try options.plan(for: model, isNew: false, of: reader.subject)
    // The embedding's matrices are in the file too when one change serves both.
    if plan.isShared { reader.expectTransposes(ofSharedHead: plan, spec: model.spec) }
    let modules = plan.places.map { place in
      Module(place, options: options) { name, shape, _ in
        reader.tensor(name, shape: shape.axes, engine: engine) ?? engine.zeros(shape)
      }
    }
    let saved = try SavedModules(
      options.modulesToSave, tyingEnds: options.tiesAdapters, of: model, engine: engine,
      subject: reader.subject
    ) { name, shape in reader.tensor(name, shape: shape.axes, engine: engine) }
    let ends = model.spec.ends
    if saved.isTied(Site(.head)) { reader.expectSame(ends) }
    var replaced: [Site: Weight] = [:]
    for site in ends {
      replaced[site] = reader.replacement(of: site, in: model, besides: saved)
    }
    others(plan)
    try reader.finish()
    self.init(
      options: options, modules: modules, saved: saved, isShared: plan.isShared,
      replaced: replaced, model: model)
  }

  public func folder() throws -> AdapterContents {
    var entries = modules.flatMap { module in
      [module.down, module.up].map { AdapterContents.Entry($0.name, $0.tensor) }
    }
    entries += saved.entries
    if isShared, let head = modules.first(where: { $0.site.kind == .head }) {
      let path = "base_model.model.\(model.spec.site(.embedding).path)"
      entries += [
        .init(transposing: head.up.tensor, to: "\(path).lora_embedding_A"),
        .init(transposing: head.down.tensor, to: "\(path).lora_embedding_B"),
      ]
    }
    entries += baseEntries
    return AdapterContents(
      config: options.config(for: model.spec, isShared: isShared), entries: entries)
  }

  /// The base's embedding and head, which peft writes when they are targets by their plain names.
  private var baseEntries: [AdapterContents.Entry] {
    let ends = model.spec.ends
    let isNamed =
      switch options.targets {
      case .one: true
      case .list(let names): ends.contains { names.contains($0.name) }
      }
    return ends.compactMap { site in
      let path = "base_model.model.\(site.path)"
      let isTarget = isShared || modules.contains { $0.site == site }
      guard let weight = replaced[site] ?? (isNamed && isTarget ? base(at: site) : nil) else {
        return nil
      }
      return AdapterContents.Entry(
        isTarget ? "\(path).base_layer.weight" : "\(path).weight",
        shape: [weight.rows, weight.columns], .stored(weight))
    }
  }

  private func base(at site: Site) -> Weight { model.decoder.projection(at: site).weight }
}

extension AdapterContents.Entry {
  init(transposing tensor: Tensor, to name: String) {
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    let values = tensor.values
    self.init(
      name, shape: [columns, rows],
      .plain((0..<rows * columns).map { values[$0 % rows * columns + $0 / rows] }))
  }
}

extension AdapterReader {
  /// Takes the embedding's copy of a change that is shared with the head, and notes when the two
  /// differ: only one of them can be honoured.
  fileprivate func expectTransposes(ofSharedHead plan: LoRAOptions.Plan, spec: DecoderSpec) {
    guard let head = plan.places.first(where: { $0.site.kind == .head }) else { return }
    let path = "base_model.model.\(spec.site(.embedding).path)"
    let pairs = [
      ("\(path).lora_embedding_A", head.names.up, [head.rank, head.outputs]),
      ("\(path).lora_embedding_B", head.names.down, [head.inputs, head.rank]),
    ]
    for (name, other, shape) in pairs {
      guard let own = entry(name, shape: shape),
        let shared = entry(other, shape: shape.reversed())
      else { continue }
      let (own_, theirs) = (own.values, shared.values)
      let (rows, columns) = (shape[0], shape[1])
      let differs = (0..<rows * columns).contains { index in
        own_[index] != theirs[index % columns * rows + index / columns]
      }
      if differs {
        note("\(name): is not \(other) transposed, though ensure_weight_tying makes them one")
      }
    }
  }

  /// Takes the head's copy of an embedding that is trained whole and serves both, and notes when the
  /// two differ.
  fileprivate func expectSame(_ ends: [Site]) {
    let names = ends.reversed().map { "base_model.model.\($0.path).weight" }
    guard let shape = shape(of: names[1]), let head = entry(names[0], shape: shape),
      let embedding = entry(names[1], shape: shape)
    else { return }
    if head.values != embedding.values {
      note("\(names[0]): is not \(names[1]), though ensure_weight_tying makes them one")
    }
  }

  /// The embedding or head that a folder brings along, where it differs from the model's.
  fileprivate func replacement(
    of site: Site, in model: LanguageModel, besides saved: SavedModules
  ) -> Weight? {
    let base = model.decoder.projection(at: site).weight
    for name in ["\(site.path).base_layer.weight", "\(site.path).weight"] {
      let name = "base_model.model.\(name)"
      guard has(name), !saved.entries.contains(where: { $0.name == name }) else { continue }
      guard let entry = entry(name, shape: [base.rows, base.columns]) else { return nil }
      guard case .stored(let weight) = entry.numbers else { return nil }
      return weight.values == base.values ? nil : weight
    }
    return nil
  }
}

// MARK: - Configuration

extension LoRAOptions {
  /// Reads `LoraConfig`; what peft has and Hone does not is accepted only where it asks for nothing.
  init(reading reader: AdapterReader, variant: Variant = .plain) {
    func names(_ key: String) -> SettingValues.Names? {
      let value = reader.read(key, .names, default: .null)
      return value.string.map { .one($0) } ?? value.array.map { .list($0.compactMap(\.string)) }
    }
    func numbers(_ key: String) -> [(name: String, value: Double)] {
      reader.read(key, .numbersByName, default: .object(JSONObject())).object?
        .map { ($0.0, $0.1.double ?? 0) } ?? []
    }
    func flag(_ key: String) -> Bool {
      reader.read(key, .flag, default: .bool(false)).bool ?? false
    }
    rank = reader.read("r", .integer(1...65536), default: .integer(8)).integer ?? 8
    alpha = reader.read("lora_alpha", .number(0...(.infinity)), default: .integer(8)).double ?? 8
    if variant == .principal { reader.allow("lora_dropout", only: .number(0), .integer(0)) }
    dropout = reader.read("lora_dropout", .number(0...0.99), default: .number(0)).double ?? 0
    targets = names("target_modules") ?? .list([])
    excluded = names("exclude_modules")
    let chosen = reader.read("layers_to_transform", .integers, default: .null)
    layers = chosen.array?.compactMap(\.integer) ?? chosen.integer.map { [$0] }
    layersPattern = names("layers_pattern")?.all ?? []
    rankPattern = numbers("rank_pattern")
    alphaPattern = numbers("alpha_pattern")
    isRankStabilised = flag("use_rslora")
    modulesToSave = names("modules_to_save")?.all ?? []
    tiesAdapters = flag("ensure_weight_tying")
    ratio = 1
    self.variant = variant
    if variant == .principal {
      reader.allow("init_lora_weights", only: .string("pissa"))
      initialisation = .kaiming
    } else {
      // How the matrices started no longer matters, unless the base was changed with them.
      let start = reader.read(
        "init_lora_weights", .choice(["gaussian", "orthogonal", "eva"]), default: .bool(true),
        or: [.bool(true), .bool(false)])
      initialisation = start.string == "gaussian" ? .gaussian : .kaiming
    }
    for key in [
      "fan_in_fan_out", "lora_bias", "use_qalora",
    ] {
      reader.allow(key, only: .bool(false))
    }
    reader.allow("use_dora", only: .bool(variant == .decomposed))
    for key in [
      "megatron_config", "trainable_token_indices", "corda_config",
      "lora_ga_config", "velora_config", "alora_invocation_tokens", "monteclora_config",
      "layer_replication", "use_bdlora", "arrow_config", "kasa_config",
    ] {
      reader.allow(key, only: .null)
    }
    reader.allow("target_parameters", only: .null, .array([]))
    reader.allow("loftq_config", only: .null, .object(JSONObject()))
    reader.allow("bias", only: .string("none"))
    // How an adapter was started says nothing about what it has become.
    reader.ignore("eva_config")
    // Both mean something only beside others that are off.
    reader.ignore("megatron_core")
    reader.ignore("qalora_group_size")
  }

  /// `LoraConfig` as peft 0.21 writes it.
  func config(for spec: DecoderSpec, isShared: Bool) -> JSONObject {
    func json(_ names: SettingValues.Names?) -> JSONValue {
      switch names {
      case .one(let text): .string(text)
      case .list(let names): .array(names.map { .string($0) })
      case nil: .null
      }
    }
    func mapping(_ numbers: [(name: String, value: Double)]) -> JSONValue {
      .object(JSONObject(numbers.map { ($0.name, .whole($0.value)) }))
    }
    func list(_ names: [String]) -> JSONValue {
      names.isEmpty ? .null : .array(names.map { .string($0) })
    }
    var config = JSONObject([
      ("alpha_pattern", mapping(alphaPattern)),
      ("bias", .string("none")),
      ("ensure_weight_tying", .bool(tiesAdapters)),
      ("exclude_modules", json(excluded)),
      ("fan_in_fan_out", .bool(spec.names.storesInputsFirst)),
      ("init_lora_weights", writtenStart),
      ("layers_pattern", list(layersPattern)),
      ("layers_to_transform", layers.map { .array($0.map { .integer($0) }) } ?? .null),
      ("loftq_config", .object(JSONObject())),
      ("lora_alpha", .whole(alpha)),
      ("lora_bias", .bool(false)),
      ("lora_dropout", .number(dropout)),
      ("megatron_core", .string("megatron.core")),
      ("modules_to_save", list(writtenModules(for: spec))),
      ("peft_type", .string("LORA")),
      ("qalora_group_size", .integer(16)),
      ("r", .integer(rank)),
      ("rank_pattern", mapping(rankPattern)),
      ("target_modules", json(writtenTargets(for: spec, isShared: isShared))),
      ("use_dora", .bool(variant == .decomposed)),
      ("use_qalora", .bool(false)),
      ("use_rslora", .bool(isRankStabilised)),
    ])
    for key in [
      "alora_invocation_tokens", "arrow_config", "corda_config", "eva_config", "kasa_config",
      "layer_replication", "lora_ga_config", "megatron_config", "monteclora_config",
      "target_parameters", "trainable_token_indices", "use_bdlora", "velora_config",
    ] {
      config[key] = .null
    }
    return config
  }

  private var writtenStart: JSONValue {
    if variant == .principal { return .string("pissa") }
    return initialisation == .gaussian ? .string("gaussian") : .bool(true)
  }

  /// A tied copy stands under the embedding.
  private func writtenModules(for spec: DecoderSpec) -> [String] {
    let ends = spec.ends
    guard tiesAdapters, spec.tiesHead,
      modulesToSave.contains(where: { name in ends.contains { $0.path.hasSuffix(name) } })
    else { return modulesToSave }
    let path = ends[0].path
    return modulesToSave.filter { $0 != ends[1].name && $0 != path } + [path]
  }

  /// Peft writes `all-linear` out as whole paths, and what is tied to the embedding under it.
  private func writtenTargets(for spec: DecoderSpec, isShared: Bool) -> SettingValues.Names {
    if targets.isAllLinear {
      let chosen = spec.sites.filter { !ModuleSelection.notLinear.contains($0.kind) }
      return .list(chosen.map(\.path))
    }
    guard isShared, case .list(let names) = targets else { return targets }
    let ends = spec.ends.map(\.path)
    return .list([ends[0]] + names.filter { !ends.contains($0) })
  }
}

extension JSONValue {
  /// A number, written without a fraction where it has none.
  static func whole(_ value: Double) -> JSONValue {
    Int(exactly: value).map { .integer($0) } ?? .number(value)
  }
}
