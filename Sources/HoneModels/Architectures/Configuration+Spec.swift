import HoneFormats
import HoneTensors

/// What all families' `config.json` say in the same way, in the spelling of transformers 4 or 5.
extension Configuration {
  /// - Parameters:
  ///   - activation: the key that names what the gate goes through.
  ///   - expected: the one that the family computes.
  func spec(
    activation: String = "hidden_act", _ expected: Activation = .silu
  ) throws -> DecoderSpec {
    let hidden = try require("hidden_size", int)
    let heads = try require("num_attention_heads", int)
    let dimension = try int("head_dim") ?? hidden / heads
    let name = try string(activation) ?? Self.name(of: expected)
    guard name == Self.name(of: expected) else {
      throw fault(
        activation, "is '\(name)', and this family computes '\(Self.name(of: expected))'")
    }
    var spec = try DecoderSpec(
      vocabularySize: require("vocab_size", int), hiddenSize: hidden,
      intermediateSize: require("intermediate_size", int),
      layerCount: require("num_hidden_layers", int), headCount: heads,
      keyValueHeadCount: int("num_key_value_heads") ?? heads, headDimension: dimension,
      normEpsilon: require("rms_norm_eps", float),
      contextLength: require("max_position_embeddings", int),
      rotary: rotary(dimension: dimension), tiesHead: bool("tie_word_embeddings") ?? false)
    spec.activation = expected
    return spec
  }

  static func name(of activation: Activation) -> String {
    activation == .geluTanh ? "gelu_pytorch_tanh" : activation.rawValue
  }

  /// The rotary section: `rope_theta` and `rope_scaling`, or `rope_parameters`.
  func rotary(dimension: Int) throws -> RotarySpec {
    let parameters = try object("rope_parameters") ?? object("rope_scaling")
    let base = try parameters?.float("rope_theta") ?? float("rope_theta") ?? 10_000
    return try Self.rotary(
      parameters, base: base, dimension: dimension, context: int("max_position_embeddings"))
  }

  /// - Parameters:
  ///   - parameters: a `rope_scaling`, or one of the objects of `rope_parameters`.
  ///   - context: the longest sequence, where the parameters do not say the original one.
  static func rotary(
    _ parameters: Configuration?, base: Float, dimension: Int, context: Int?
  ) throws -> RotarySpec {
    var rotary = RotarySpec(base: base, dimension: dimension)
    guard let parameters else { return rotary }
    let share = try parameters.float("partial_rotary_factor") ?? 1
    rotary.dimension = Int(Float(dimension) * share)
    switch try parameters.string("rope_type") ?? parameters.string("type") ?? "default" {
    // The dynamic rule turns more slowly only beyond the context that the model has.
    case "default", "dynamic": break
    case "linear":
      rotary.scaling = .linear(factor: try parameters.require("factor", parameters.float))
    case "llama3":
      rotary.scaling = .llama3(
        factor: try parameters.require("factor", parameters.float),
        lowFrequencyFactor: try parameters.require("low_freq_factor", parameters.float),
        highFrequencyFactor: try parameters.require("high_freq_factor", parameters.float),
        originalContext: try parameters.require(
          "original_max_position_embeddings", parameters.int))
    case "yarn":
      let factor = try parameters.require("factor", parameters.float)
      func growth(_ key: String) throws -> Float? {
        try parameters.float(key).map { RotarySpec.YaRN.magnitude(factor: factor, growth: $0) }
      }
      var magnitude = try parameters.float("attention_factor")
      if magnitude == nil, let top = try growth("mscale"), let bottom = try growth("mscale_all_dim")
      {
        magnitude = top / bottom
      }
      rotary.scaling = .yarn(
        RotarySpec.YaRN(
          factor: factor,
          originalContext: try parameters.require("original_max_position_embeddings") {
            try parameters.int($0) ?? context
          },
          fast: try parameters.float("beta_fast") ?? 32,
          slow: try parameters.float("beta_slow") ?? 1, magnitude: magnitude,
          rounds: try parameters.bool("truncate") ?? true))
    case let kind:
      throw parameters.fault(
        "rope_type",
        "is '\(kind)', and Hone knows 'default', 'dynamic', 'linear', 'llama3' and 'yarn' here")
    }
    return rotary
  }

  /// Which layers see only a window: `layer_types`, one a layer.
  func slidingLayers(_ count: Int) throws -> [Bool]? {
    guard let kinds = try strings("layer_types") else { return nil }
    guard kinds.count == count else {
      throw fault("layer_types", "has \(kinds.count) entries for \(count) layers")
    }
    return try kinds.map { kind in
      switch kind {
      case "full_attention": false
      case "sliding_attention": true
      default:
        throw fault(
          "layer_types", "has '\(kind)', and Hone knows 'full_attention' and 'sliding_attention'")
      }
    }
  }
}

/// A `config.json` for a network that comes from a GGUF file.
extension DecoderSpec {
  /// What the configurations of all families have.
  func configuration(file: String) throws -> JSONObject {
    JSONObject([
      ("head_dim", .integer(headDimension)),
      ("hidden_act", .string(Configuration.name(of: activation))),
      ("hidden_size", .integer(hiddenSize)),
      ("initializer_range", .number(0.02)),
      ("intermediate_size", .integer(intermediateSize)),
      ("max_position_embeddings", .integer(contextLength)),
      ("num_attention_heads", .integer(headCount)),
      ("num_hidden_layers", .integer(layerCount)),
      ("num_key_value_heads", .integer(keyValueHeadCount)),
      ("rms_norm_eps", .number(Double(normEpsilon))),
      ("rope_theta", .number(Double(rotary.base))),
      ("rope_scaling", try rotary.configuration(file: file)),
      ("tie_word_embeddings", .bool(tiesHead)),
      ("use_cache", .bool(true)),
      ("vocab_size", .integer(vocabularySize)),
    ])
  }
}
