import HoneFormats
import HoneModels
import HoneTensors

/// Bottleneck adapters in AdapterHub's folder: `adapter_config.json` and `adapter.safetensors` of
/// adapters 1.3.
extension Bottleneck {
  convenience init(reading reader: AdapterReader, model: LanguageModel, engine: Engine) throws {
    let options = BottleneckOptions(reading: reader)
    if let size = reader.read("hidden_size", .integer(1...(1 << 30)), default: .null).integer,
      size != model.spec.hiddenSize
    {
      reader.note("hidden_size: is \(size), and the model's is \(model.spec.hiddenSize)")
    }
    try self.init(options, model: model, engine: engine, subject: reader.subject) {
      name, shape, _ in
      reader.tensor(name, shape: shape.axes, engine: engine) ?? engine.zeros(shape)
    }
    try reader.finish()
  }

  public func folder() throws -> AdapterContents {
    var contents = AdapterContents(
      config: JSONObject([
        ("config", .object(options.config)),
        ("hidden_size", .integer(modules.first?.upBias.tensor.shape.count ?? 0)),
        ("model_class", .string(options.modelClass)), ("model_type", .string(options.modelType)),
        ("name", .string(options.name)), ("version", .string(options.version)),
      ]),
      entries: parameters.map { AdapterContents.Entry($0.name, $0.tensor) })
    contents.kind = .adapterHub
    return contents
  }
}

extension BottleneckOptions {
  /// Reads `BnConfig`; what it has and Hone does not is accepted only where it asks for nothing.
  init(reading folder: AdapterReader) {
    name = folder.read("name", .text, default: .string("default")).string ?? "default"
    modelClass = folder.read("model_class", .text, default: .string(modelClass)).string ?? ""
    modelType = folder.read("model_type", .text, default: .string(modelType)).string ?? ""
    version = folder.read("version", .text, default: .string(version)).string ?? version
    folder.ignore("model_name")
    let reader = folder.section("config")
    reader.allow("architecture", only: .null)
    func flag(_ key: String, _ defaultValue: Bool) -> Bool {
      reader.read(key, .flag, default: .bool(defaultValue)).bool ?? defaultValue
    }
    let attention = flag("mh_adapter", false)
    let feedForward = flag("output_adapter", true)
    sublayers = (attention ? [.attention] : []) + (feedForward ? [.feedForward] : [])
    if sublayers.isEmpty { reader.note("mh_adapter: neither it nor output_adapter is true") }
    let isParallel = flag("is_parallel", false)
    input = isParallel ? .residual : flag("original_ln_before", false) ? .sum : .output
    if isParallel { reader.ignore("original_ln_before") }
    reduction = reader.read(
      "reduction_factor", .number(0.01...1_000_000), default: .integer(16),
      or: reader.value("reduction_factor").flatMap { value in
        value.object?.allSatisfy { ($0.1.double ?? 0) >= 0.01 } == true ? [value] : nil
      } ?? [])
    activationName =
      reader.read(
        "non_linearity", .choice(Self.activations.map(\.name)), default: .string("relu")
      ).string ?? "relu"
    let factor = reader.read(
      "scaling", .number(-1e6...1e6), default: .number(1),
      or: [.string("learned"), .string("channel")])
    scaling =
      factor.string == "learned"
      ? .learned : factor.string == "channel" ? .channel : .fixed(factor.double ?? 1)
    dropout = reader.read("dropout", .number(0...0.99), default: .number(0)).double ?? 0
    leftOut =
      reader.read("leave_out", .integers, default: .array([])).array?.compactMap(\.integer) ?? []
    start = reader.read("init_weights", .text, default: .string("bert")).string ?? "bert"
    startSeed = reader.value("init_weights_seed") ?? .null
    reader.ignore("init_weights_seed")
    reader.allow("original_ln_after", only: .bool(true))
    if case .sum = input {
      reader.allow("residual_before_ln", only: .bool(true))
    } else {
      // Without the base's norm in between, the residual is the same before and after it.
      reader.allow("residual_before_ln", only: .bool(true), .bool(false))
    }
    for key in ["ln_before", "ln_after", "use_gating", "cross_adapter", "phm_layer"] {
      reader.allow(key, only: .bool(false))
    }
    reader.allow("inv_adapter", only: .null)
    reader.allow("stochastic_depth", only: .number(0), .integer(0))
    // Each means something only beside another that is off.
    for key in [
      "adapter_residual_before_ln", "inv_adapter_reduction_factor", "phm_dim", "phm_bias",
      "factorized_phm_W", "shared_W_phm", "shared_phm_rule", "factorized_phm_rule", "phm_c_init",
      "phm_init_range", "learn_phm", "hypercomplex_nonlinearity", "phm_rank",
    ] {
      reader.ignore(key)
    }
  }

  /// `BnConfig` as adapters 1.3 writes it.
  var config: JSONObject {
    let factor: JSONValue =
      switch scaling {
      case .fixed(let number): .number(number)
      case .learned: .string("learned")
      case .channel: .string("channel")
      }
    var isSum = false
    if case .sum = input { isSum = true }
    var isParallel = false
    if case .residual = input { isParallel = true }
    return JSONObject([
      ("adapter_residual_before_ln", .bool(false)), ("cross_adapter", .bool(false)),
      ("dropout", .number(dropout)), ("factorized_phm_W", .bool(true)),
      ("factorized_phm_rule", .bool(false)),
      ("hypercomplex_nonlinearity", .string("glorot-uniform")),
      ("init_weights", .string(start)), ("init_weights_seed", startSeed),
      ("inv_adapter", .null), ("inv_adapter_reduction_factor", .null),
      ("is_parallel", .bool(isParallel)), ("learn_phm", .bool(true)),
      ("leave_out", .array(leftOut.map { .integer($0) })), ("ln_after", .bool(false)),
      ("ln_before", .bool(false)), ("mh_adapter", .bool(sublayers.contains(.attention))),
      ("non_linearity", .string(activationName)), ("original_ln_after", .bool(true)),
      ("original_ln_before", .bool(isSum)),
      ("output_adapter", .bool(sublayers.contains(.feedForward))), ("phm_bias", .bool(true)),
      ("phm_c_init", .string("normal")), ("phm_dim", .integer(4)),
      ("phm_init_range", .number(0.0001)), ("phm_layer", .bool(false)),
      ("phm_rank", .integer(1)), ("reduction_factor", reduction),
      ("residual_before_ln", .bool(true)), ("scaling", factor), ("shared_W_phm", .bool(false)),
      ("shared_phm_rule", .bool(true)), ("stochastic_depth", .number(0)),
      ("use_gating", .bool(false)),
    ])
  }
}
