import HoneFormats
import HoneModels
import HoneTensors

/// What shapes an AdaLoRA, whether a recipe or an adapter's folder says it.
struct AdaLoRAOptions {
  /// Of each projection, before any rank is taken.
  var rank: Int
  /// The mean of all projections in the end.
  var targetRank: Int
  var alpha: Double
  var dropout: Double
  /// A share of all steps below 1, or a number of steps, as are the next two.
  var initialSteps: Double
  var finalSteps: Double
  var interval: Double
  var beta1: Double
  var beta2: Double
  var orthogonality: Double
  /// All steps of the run that an adapter came from; 0 for a new one.
  var stepCount = 0

  /// `alpha / rank`; peft adds 1e-5 to the rank, which changes a logit's seventh digit.
  var scale: Float { Float(alpha > 0 ? alpha / Double(rank) : 1) }

  static let settings: [Setting] = [
    Setting(
      "init_rank", .integer(1...65536), default: .integer(12),
      "The rank of each projection's change at the start."),
    Setting(
      "target_rank", .integer(1...65536), default: .integer(8),
      "The mean rank that is left in the end; two thirds of init_rank is the paper's."),
    Setting(
      "alpha", .number(1e-6...(.infinity)), default: .integer(32),
      "The change is multiplied by alpha / init_rank."),
    Setting(
      "dropout", .number(0...0.99), default: .number(0),
      "The share of the change's input that is zeroed while training."),
    Setting(
      "tinit", .number(0...(.infinity)), default: .number(0.1),
      "How long all ranks stay: a share of all steps below 1, or a number of steps."),
    Setting(
      "tfinal", .number(0...(.infinity)), default: .number(0.4),
      "How long the last ranks are trained on: a share of all steps below 1, or a number of steps."),
    Setting(
      "delta_t", .number(0...(.infinity)), default: .number(0.005),
      "How often ranks are allotted between: a share of all steps below 1, or a number of steps."),
    Setting(
      "beta1", .number(0...0.9999), default: .number(0.85),
      "How slowly the mean of each number's importance moves."),
    Setting(
      "beta2", .number(0...0.9999), default: .number(0.85),
      "How slowly the mean of its uncertainty moves."),
    Setting(
      "orth_reg_weight", .number(0...1000), default: .number(0.5),
      "What vectors that are not orthonormal add to the loss."),
  ]

  init(_ values: SettingValues) {
    rank = values.integer("init_rank")
    targetRank = values.integer("target_rank")
    alpha = values.number("alpha")
    dropout = values.number("dropout")
    initialSteps = values.number("tinit")
    finalSteps = values.number("tfinal")
    interval = values.number("delta_t")
    beta1 = values.number("beta1")
    beta2 = values.number("beta2")
    orthogonality = values.number("orth_reg_weight")
  }

  /// - Throws: ``AdapterError`` with all that cannot be.
  func check(for sites: [Site], of model: LanguageModel, subject: String) throws {
    var faults: [String] = []
    if targetRank > rank {
      faults.append("target_rank: is \(targetRank), more than init_rank, \(rank)")
    }
    if initialSteps < 1, finalSteps < 1, initialSteps + finalSteps >= 1 {
      faults.append(
        "tinit: leaves with tfinal no steps to allot ranks in; together they are below 1")
    }
    for site in sites {
      let size = model.spec.size(of: site)
      if rank > min(size.outputs, size.inputs) {
        faults.append(
          """
          init_rank: \(rank) is more than \(site.path) has rows or columns, \
          \(size.outputs) x \(size.inputs)
          """)
      }
    }
    guard faults.isEmpty else { throw AdapterError(subject, faults: faults) }
  }

  /// When ranks are allotted in a run; one that is too short for what was asked allots them at once.
  func schedule(of stepCount: Int) -> AdaLoRA.Schedule {
    func steps(_ number: Double) -> Int {
      Int(min(number < 1 ? (number * Double(stepCount)).rounded() : number, Double(stepCount)))
    }
    let end = max(1, stepCount - steps(finalSteps))
    return AdaLoRA.Schedule(
      start: min(steps(initialSteps), end - 1), end: end, interval: max(1, steps(interval)))
  }
}

// MARK: - Folder

/// peft's folder: `AdaLoraConfig` of peft 0.21 and its tensors, those of the triplets that are left.
extension AdaLoRA {
  /// What a configuration has beside, with the values that ask for nothing.
  private static let inert: [(String, JSONValue)] =
    [
      "alora_invocation_tokens", "arrow_config", "corda_config", "kasa_config",
      "layer_replication", "lora_ga_config", "megatron_config", "monteclora_config",
      "target_parameters", "trainable_token_indices", "use_bdlora", "velora_config",
    ].map { ($0, .null) }
    + [
      "ensure_weight_tying", "fan_in_fan_out", "lora_bias", "use_dora", "use_qalora", "use_rslora",
    ].map { ($0, .bool(false)) }
    + [
      ("alpha_pattern", .object(JSONObject())), ("bias", .string("none")),
      ("loftq_config", .object(JSONObject())),
    ]

  /// What says nothing about what an adapter computes: a start, and what counts only beside others
  /// that are off. AdaLoRA's rank is `init_r`, not `r`.
  private static let idle: [(String, JSONValue)] = [
    ("eva_config", .null), ("init_lora_weights", .bool(true)),
    ("megatron_core", .string("megatron.core")), ("qalora_group_size", .integer(16)),
    ("r", .integer(8)),
  ]

  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    let options = AdaLoRAOptions(reading: reader)
    let targets = MatrixTargets(reading: reader)
    for (key, value) in Self.inert { reader.allow(key, only: value, .null) }
    for (key, _) in Self.idle { reader.ignore(key) }
    let sites = try targets.sites(of: model, isNew: false, subject: reader.subject)
    let patterns = reader.patterns(of: sites, rank: options.rank)
    for site in sites where patterns?[site]?.contains(true) == false {
      // What has no triplets left has tensors all the same.
      let (name, size) = ("base_model.model.\(site.path)", model.spec.size(of: site))
      _ = reader.entry("\(name).lora_A", shape: [0, size.inputs])
      _ = reader.entry("\(name).lora_E", shape: [0, 1])
      _ = reader.entry("\(name).lora_B", shape: [size.outputs, 0])
    }
    try self.init(
      options, targets, model: model, engine: engine, subject: reader.subject, isNew: false,
      patterns: patterns
    ) { name, shape in
      reader.tensor(name, shape: shape.axes, engine: engine) ?? engine.zeros(shape)
    } copy: { name, shape in
      reader.tensor(name, shape: shape.axes, engine: engine)
    }
    try reader.finish()
  }

  public func folder() throws -> AdapterContents {
    contents(
      of: modules.map { $0.left($0.triplets?.keptPlaces ?? []) }, isAllotted: allotment.hasBegun)
  }

  /// As many triplets as are left in the end, at every projection the same.
  public var trainedFileBytes: Int {
    get throws {
      guard !allotment.isDone else { return try folder().fileBytes }
      let places = Array(0..<options.targetRank)
      return contents(of: modules.map { $0.left(places) }, isAllotted: true).fileBytes
    }
  }

  private func contents(of left: [Module.Left], isAllotted: Bool) -> AdapterContents {
    let patterns = zip(modules, left).map { module, left in
      ("\(module.site.path).lora_E", JSONValue.array(left.pattern.map { .bool($0) }))
    }
    let own: [(String, JSONValue)] = [
      ("peft_type", .string("ADALORA")),
      ("rank_pattern", isAllotted ? .object(JSONObject(patterns)) : .null),
    ]
    return AdapterContents(
      config: JSONObject(
        own + options.config(stepCount: allotment.stepCount)
          + targets.config(for: modules.map(\.site)) + Self.inert + Self.idle),
      entries: left.flatMap(\.entries) + saved.entries)
  }
}

extension AdaLoRA.Module {
  /// Which of the first triplets are left, and their tensors.
  fileprivate typealias Left = (pattern: [Bool], entries: [AdapterContents.Entry])

  /// - Parameter places: of the triplets that are left, among those of the adapter.
  fileprivate func left(_ places: [Int]) -> Left {
    var (pattern, own) = (pattern, 0)
    for place in pattern.indices where pattern[place] {
      pattern[place] = places.contains(own)
      own += 1
    }
    let rank = triplets?.rank ?? 0
    let (right, values, left) = (
      triplets?.right.tensor.values ?? [], triplets?.values.tensor.values ?? [],
      triplets?.left.tensor.values ?? []
    )
    return (
      pattern,
      [
        .init(
          "\(name).lora_A", shape: [places.count, inputs],
          .plain(places.flatMap { right[$0 * inputs..<($0 + 1) * inputs] })),
        .init(
          "\(name).lora_B", shape: [outputs, places.count],
          .plain((0..<outputs).flatMap { row in places.map { left[row * rank + $0] } })),
        .init("\(name).lora_E", shape: [places.count, 1], .plain(places.map { values[$0] })),
      ]
    )
  }
}

extension AdaLoRAOptions {
  init(reading reader: AdapterReader) {
    func integer(_ key: String, _ range: ClosedRange<Int>, _ usual: Int) -> Int {
      reader.read(key, .integer(range), default: .integer(usual)).integer ?? usual
    }
    func number(_ key: String, _ range: ClosedRange<Double>, _ usual: Double) -> Double {
      reader.read(key, .number(range), default: .number(usual)).double ?? usual
    }
    rank = integer("init_r", 1...65536, 12)
    targetRank = integer("target_r", 0...65536, 8)
    alpha = number("lora_alpha", 0...(.infinity), 8)
    dropout = number("lora_dropout", 0...0.99, 0)
    initialSteps = Double(integer("tinit", 0...Int(Int32.max), 0))
    finalSteps = Double(integer("tfinal", 0...Int(Int32.max), 0))
    interval = Double(integer("deltaT", 1...Int(Int32.max), 1))
    beta1 = number("beta1", 0...1, 0.85)
    beta2 = number("beta2", 0...1, 0.85)
    orthogonality = number("orth_reg_weight", 0...(.infinity), 0.5)
    stepCount = integer("total_step", 1...Int(Int32.max), 1)
  }

  /// What peft's configuration says of it; it wants a run's steps also of what was in none.
  fileprivate func config(stepCount: Int) -> [(String, JSONValue)] {
    let all = max(1, stepCount)
    let schedule = schedule(of: all)
    return [
      ("init_r", .integer(rank)), ("target_r", .integer(targetRank)), ("lora_alpha", .whole(alpha)),
      ("lora_dropout", .number(dropout)), ("tinit", .integer(schedule.start)),
      ("tfinal", .integer(all - schedule.end)), ("deltaT", .integer(schedule.interval)),
      ("beta1", .number(beta1)), ("beta2", .number(beta2)),
      ("orth_reg_weight", .number(orthogonality)), ("total_step", .integer(all)),
    ]
  }
}

extension AdapterReader {
  /// Which triplets of each place are left; nil where the configuration does not say.
  fileprivate func patterns(of sites: [Site], rank: Int) -> [Site: [Bool]]? {
    ignore("rank_pattern")
    guard let value = value("rank_pattern"), !value.isNull else { return nil }
    guard let all = value.object else {
      note("rank_pattern: is \(value.text(.spaced)), expected a mapping of names to lists")
      return nil
    }
    let names = sites.map { "\($0.path).lora_E" }
    for name in all.keys where !names.contains(name) {
      note("rank_pattern: nothing chosen is called \(name)")
    }
    return Dictionary(
      uniqueKeysWithValues: zip(sites, names).map { site, name in
        let list = all[name]?.array?.compactMap(\.bool)
        if list?.count != rank {
          note("rank_pattern: has no list of \(rank) times true or false for \(name)")
        }
        return (site, list?.count == rank ? list ?? [] : Array(repeating: true, count: rank))
      })
  }
}
