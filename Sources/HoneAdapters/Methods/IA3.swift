import HoneFormats
import HoneModels
import HoneTensors

/// (IA)³: a trained vector rescales what a projection gives, or what a feed-forward one takes.
///
/// `y = l ∘ W x`, or `y = W (l ∘ x)` for `feedforward_modules`; every `l` is one at the start. The
/// paper rescales keys, values and the inner activations of the feed-forward half, which are the
/// input of its last projection. Liu et al., "Few-shot parameter-efficient fine-tuning is better and
/// cheaper than in-context learning", 2022. Names and shapes are peft's (`tuners/ia3/layer.py`).
public final class IA3: TrainableAdapter {
  /// What is rescaled, in peft's words.
  struct Options {
    var targets: SettingValues.Names
    var excluded: SettingValues.Names?
    var feedForward: SettingValues.Names?
    var modulesToSave: [String]
  }

  /// The vector of one projection.
  struct Module {
    let site: Site
    let vector: Parameter
    let scalesInput: Bool
  }

  private let options: Options
  let modules: [Module]
  private let bySite: [Site: Module]
  let saved: SavedModules

  /// Makes the vectors, of ones or as a function gives them.
  ///
  /// - Parameters:
  ///   - isNew: whether nothing may be asked for in vain.
  ///   - numbers: given a tensor's name in the adapter's file and its shape.
  init(
    _ options: Options, model: LanguageModel, engine: Engine, subject: String, isNew: Bool,
    numbers: (_ name: String, _ shape: Shape) -> Tensor?
  ) throws {
    let spec = model.spec
    let sites = try ModuleSelection(
      options.targets, excluding: options.excluded, saved: options.modulesToSave, of: subject
    ).sites(of: spec, allowsIdleNames: !isNew)
    let ends = sites.filter { $0.kind == .embedding }
    guard ends.isEmpty else {
      throw AdapterError(
        subject, problem: "target_modules: \(ends[0].path) is no projection",
        advice: "(IA)³ rescales what projections give or take")
    }
    let inner = try options.feedForward.flatMap { names -> ModuleSelection? in
      names.all.isEmpty ? nil : try ModuleSelection(names, of: subject)
    }
    if isNew, case .list(let names)? = options.feedForward {
      let idle = names.filter { name in
        !sites.contains { $0.path == name || $0.path.hasSuffix("." + name) }
      }
      guard idle.isEmpty else {
        throw AdapterError(
          subject,
          faults: idle.map { "feedforward_modules: no target is called \($0)" },
          advice: "name modules that target_modules names too")
      }
    }
    self.options = options
    modules = sites.map { site in
      let scalesInput = inner?.selects(site) == true
      let size = spec.size(of: site)
      let shape: Shape = scalesInput ? [1, size.inputs] : [size.outputs, 1]
      let name = "base_model.model.\(site.path).ia3_l"
      return Module(
        site: site,
        vector: Parameter(
          name,
          numbers(name, shape)
            ?? engine.tensor(shape, repeatElement(1, count: shape.count)), decays: false),
        scalesInput: scalesInput)
    }
    bySite = Dictionary(uniqueKeysWithValues: modules.map { ($0.site, $0) })
    saved = try SavedModules(
      options.modulesToSave, of: model, engine: engine, subject: subject, numbers: numbers)
  }

  public var methodName: String { Self.method.name }

  public var parameters: [Parameter] { modules.map(\.vector) + saved.parameters }

  // MARK: Hooks

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    saved.project(input, at: sites, through: bases, in: pass) { sites, bases in
      // Projections whose input stays as it is are computed together.
      let plain = sites.indices.filter { bySite[sites[$0]]?.scalesInput != true }
      var outputs = [Tensor?](repeating: nil, count: sites.count)
      if !plain.isEmpty {
        let together = Projection.apply(plain.map { bases[$0] }, to: input, in: pass)
        for (place, output) in zip(plain, together) {
          outputs[place] =
            bySite[sites[place]].map { weighted(output, by: $0.vector.tensor, in: pass) } ?? output
        }
      }
      return sites.indices.map { place in
        if let output = outputs[place] { return output }
        guard let module = bySite[sites[place]] else { preconditionFailure("no vector") }
        return Projection.apply(
          [bases[place]], to: weighted(input, by: module.vector.tensor, in: pass), in: pass)[0]
      }
    }
  }

  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    saved.embed(ids, in: pass) ?? embedded(ids, in: table, pass: pass)
  }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor {
    saved.vector(named: name) ?? base
  }

  // MARK: Merging

  public func merge(into projection: inout MergedProjection, at site: Site) {
    saved.merge(into: &projection, at: site)
    guard let module = bySite[site] else { return }
    let factors = module.vector.tensor.values
    let columns = projection.columns
    for index in projection.weight.indices {
      projection.weight[index] *= factors[module.scalesInput ? index % columns : index / columns]
    }
    guard !module.scalesInput, var bias = projection.bias else { return }
    for row in bias.indices { bias[row] *= factors[row] }
    projection.bias = bias
  }
}

// MARK: - Folder

extension IA3 {
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    func names(_ key: String) -> SettingValues.Names? {
      let value = reader.read(key, .names, default: .null)
      return value.string.map { .one($0) } ?? value.array.map { .list($0.compactMap(\.string)) }
    }
    let options = Options(
      targets: names("target_modules") ?? .list([]), excluded: names("exclude_modules"),
      feedForward: names("feedforward_modules"),
      modulesToSave: names("modules_to_save")?.all ?? [])
    reader.allow("fan_in_fan_out", only: .bool(false))
    // How the vectors started says nothing about what they have become.
    reader.ignore("init_ia3_weights")
    try self.init(
      options, model: model, engine: engine, subject: reader.subject, isNew: false
    ) { name, shape in
      reader.tensor(name, shape: shape.axes, engine: engine)
    }
    try reader.finish()
  }

  public func folder() throws -> AdapterContents {
    func json(_ names: SettingValues.Names?) -> JSONValue {
      switch names {
      case .one(let text): .string(text)
      case .list(let names): .array(names.map { .string($0) })
      case nil: .null
      }
    }
    var (targets, inner) = (options.targets, options.feedForward)
    if targets.isAllLinear {
      // Peft writes all-linear out, and wants the feed-forward modules among its names.
      targets = .list(modules.map(\.site.path))
      inner = .list(modules.filter(\.scalesInput).map(\.site.path))
    }
    return AdapterContents(
      config: JSONObject([
        ("exclude_modules", json(options.excluded)), ("fan_in_fan_out", .bool(false)),
        ("feedforward_modules", json(inner)), ("init_ia3_weights", .bool(true)),
        (
          "modules_to_save",
          options.modulesToSave.isEmpty ? .null : json(.list(options.modulesToSave))
        ),
        ("peft_type", .string("IA3")), ("target_modules", json(targets)),
      ]), entries: modules.map { .init($0.vector.name, $0.vector.tensor) } + saved.entries)
  }
}

// MARK: - Method

extension IA3 {
  public static let method = AdapterMethod(
    name: "ia3",
    summary: "Trains a vector that rescales keys, values and the feed-forward half's inside.",
    source: "Liu et al. 2022, https://arxiv.org/abs/2205.05638",
    learningRate: 0.02,
    facts: MethodFacts(
      trained: "factors of keys, values and the feed-forward half's inside",
      parameters: "outputs or inputs of a projection", merges: true,
      exchange: [.peft("IA3"), .adapterHub(only: "in part")]),
    settings: [
      Setting(
        "target_modules", .names, default: .string("paper"),
        """
        Which projections: a list of names, all-linear, a regular expression for whole paths, paper \
        (keys, values, feed-forward) or peft (what peft takes for the model's family).
        """),
      Setting(
        "feedforward_modules", .names, default: .null,
        """
        Which of them are rescaled at their input and not at their output; where it is not set, the \
        last of the feed-forward half.
        """),
      Setting(
        "exclude_modules", .names, default: .null,
        "Which are left out: a list of names, or a regular expression."),
      Setting(
        "modules_to_save", .names, default: .null,
        "Modules that are trained whole and kept in the adapter: lm_head, embed_tokens, norm."),
    ],
    examples: [
      JSONObject([
        ("target_modules", .string("all-linear")),
        ("feedforward_modules", .array([.string("gate_proj"), .string("down_proj")])),
      ]),
      JSONObject([
        ("target_modules", .string("peft")), ("modules_to_save", .array([.string("norm")])),
      ]),
    ],
    reads: { $0["peft_type"]?.string == "IA3" },
    make: { values, model, engine, _ in
      let spec = model.spec
      var targets = values.names("target_modules") ?? .one("paper")
      if targets == .one("paper") { targets = .list(names([.key, .value], of: spec)) }
      if targets == .one("peft") {
        // Of peft's table (`utils/constants.py`): Llama's relatives have keys and values, OPT queries
        // and keys, all others queries and values.
        let kinds: [Site.Kind] =
          switch model.architecture {
          case "llama": [.key, .value]
          case "opt": [.query, .key]
          default: [.query, .value]
          }
        targets = .list(names(kinds, of: spec))
      }
      var options = Options(
        targets: targets, excluded: values.names("exclude_modules"),
        feedForward: values.names("feedforward_modules"),
        modulesToSave: values.names("modules_to_save")?.all ?? [])
      if options.feedForward == nil {
        let selection = try ModuleSelection(
          targets, excluding: options.excluded, saved: options.modulesToSave, of: "ia3")
        let kinds = downKinds(of: spec).filter { kind in
          spec.sites.contains { $0.kind == kind && selection.selects($0) }
        }
        if !kinds.isEmpty { options.feedForward = .list(kinds.map(spec.listName)) }
      }
      return try IA3(
        options, model: model, engine: engine, subject: "ia3", isNew: true,
        numbers: { _, _ in nil })
    },
    load: { reader, model, engine in
      try IA3(reading: reader, model: model, engine: engine)
    })

  /// What a network calls some of its attention's projections, or the one for all, and the last of
  /// its feed-forward half.
  private static func names(_ kinds: [Site.Kind], of spec: DecoderSpec) -> [String] {
    let attention = spec.queryKeyValue == .separate ? kinds : [.queryKeyValue]
    return (attention + downKinds(of: spec)).map(spec.listName)
  }

  /// The last projections of a network's feed-forward halves, of experts too.
  private static func downKinds(of spec: DecoderSpec) -> [Site.Kind] {
    let present = spec.blockKinds
    return [.down, .expertDown, .sharedDown].filter { present.contains($0) }
  }
}
