import HoneFormats
import HoneTensors

/// What a family's `config.json` calls what all networks have, and what is meant where it is silent.
struct ConfigurationKeys {
  var hiddenSize = "hidden_size"
  var intermediateSize = "intermediate_size"
  var layerCount = "num_hidden_layers"
  var headCount = "num_attention_heads"
  var keyValueHeadCount = "num_key_value_heads"
  var normEpsilon = "rms_norm_eps"
  var contextLength = "max_position_embeddings"
  var activation = "hidden_act"
  var rotaryBase = "rope_theta"
  var rotaryShare = "partial_rotary_factor"

  /// How wide the inside of the feed-forward half usually is, in hidden sizes; nil where a file must
  /// say it.
  var usualIntermediateRatio: Int?
  var usualNormEpsilon: Float?
  var usualContextLength: Int?
  var usualRotaryShare: Float = 1
  var usualRotaryBase: Float = 10_000
  var usuallyTiesHead = false
}

/// What all families' `config.json` say in the same way, in the spelling of transformers 4 or 5.
extension Configuration {
  /// - Parameters:
  ///   - activations: those that the family computes.
  ///   - isRotary: whether queries and keys are turned.
  func spec(
    keys: ConfigurationKeys = ConfigurationKeys(), activations: [Activation] = [.silu],
    isRotary: Bool = true
  ) throws -> DecoderSpec {
    let hidden = try require(keys.hiddenSize, int)
    let heads = try require(keys.headCount, int)
    let dimension = try int("head_dim") ?? hidden / heads
    var spec = try DecoderSpec(
      vocabularySize: require("vocab_size", int), hiddenSize: hidden,
      intermediateSize: require(keys.intermediateSize) {
        try int($0) ?? keys.usualIntermediateRatio.map { $0 * hidden }
      },
      layerCount: require(keys.layerCount, int), headCount: heads,
      keyValueHeadCount: int(keys.keyValueHeadCount) ?? heads, headDimension: dimension,
      normEpsilon: require(keys.normEpsilon) { try float($0) ?? keys.usualNormEpsilon },
      contextLength: require(keys.contextLength) { try int($0) ?? keys.usualContextLength },
      rotary: isRotary ? rotary(dimension: dimension, keys: keys) : nil,
      tiesHead: bool("tie_word_embeddings") ?? keys.usuallyTiesHead)
    spec.activation = try activation(keys.activation, among: activations)
    return spec
  }

  /// - Parameter expected: those that the family computes; the first where the file is silent.
  private func activation(_ key: String, among expected: [Activation]) throws -> Activation {
    guard let name = try string(key) else { return expected[0] }
    guard let found = Self.activations[name], expected.contains(found) else {
      let names = expected.map { "'\(Self.name(of: $0))'" }.joined(separator: ", ")
      throw fault(key, "is '\(name)', and this family computes \(names)")
    }
    return found
  }

  /// The names that compute the same to the last digits.
  private static let activations: [String: Activation] = [
    "silu": .silu, "swish": .silu, "gelu": .gelu, "gelu_python": .gelu,
    "gelu_pytorch_tanh": .geluTanh, "gelu_new": .geluTanh, "gelu_fast": .geluTanh, "relu": .relu,
  ]

  static func name(of activation: Activation) -> String {
    activation == .geluTanh ? "gelu_pytorch_tanh" : activation.rawValue
  }

  /// The rotary section: `rope_theta` and `rope_scaling`, or `rope_parameters`.
  private func rotary(dimension: Int, keys: ConfigurationKeys) throws -> RotarySpec {
    let parameters = try object("rope_parameters") ?? object("rope_scaling")
    let base =
      try parameters?.float("rope_theta") ?? float(keys.rotaryBase)
      ?? keys.usualRotaryBase
    let share =
      try parameters?.float("partial_rotary_factor") ?? float(keys.rotaryShare)
      ?? keys.usualRotaryShare
    return try Self.rotary(
      parameters, base: base, dimension: Int(Float(dimension) * share),
      context: int(keys.contextLength),
      originalContext: int("original_max_position_embeddings"))
  }

  /// - Parameters:
  ///   - parameters: a `rope_scaling`, or one of the objects of `rope_parameters`.
  ///   - dimension: how many of a head's numbers turn.
  ///   - context: the longest sequence.
  ///   - originalContext: the longest before it was stretched, where the parameters do not say it.
  static func rotary(
    _ parameters: Configuration?, base: Float, dimension: Int, context: Int?,
    originalContext: Int? = nil
  ) throws -> RotarySpec {
    var rotary = RotarySpec(base: base, dimension: dimension)
    guard let parameters else { return rotary }
    func original() throws -> Int? {
      try parameters.int("original_max_position_embeddings") ?? originalContext
    }
    func positive(_ key: String) throws -> Float {
      let value = try parameters.require(key, parameters.float)
      guard value > 0 else { throw parameters.fault(key, "is \(value), expected more than 0") }
      return value
    }
    /// How far the context was stretched, where the parameters do not say it.
    func stretch() throws -> Float? {
      guard let context, let original = try original() else { return nil }
      return Float(context) / Float(original)
    }
    switch try parameters.string("rope_type") ?? parameters.string("type") ?? "default" {
    case "default": break
    case "dynamic":
      let factor = try positive("factor")
      guard factor >= 1 else {
        throw parameters.fault("factor", "is \(factor), expected 1 or more")
      }
      rotary.scaling = .dynamic(
        factor: factor,
        context: try parameters.require("max_position_embeddings") { _ in context })
    case "linear":
      rotary.scaling = .linear(factor: try positive("factor"))
    case "llama3":
      rotary.scaling = .llama3(
        factor: try positive("factor"),
        lowFrequencyFactor: try parameters.require("low_freq_factor", parameters.float),
        highFrequencyFactor: try parameters.require("high_freq_factor", parameters.float),
        originalContext: try parameters.require(
          "original_max_position_embeddings", parameters.int))
    // The other two are Phi-3's older names of its rule.
    case let kind
    where ["longrope", "su"].contains(kind) || kind == "yarn" && parameters.has("long_factor"):
      let original = try parameters.require("original_max_position_embeddings") { _ in
        try original()
      }
      let factor = try stretch() ?? positive("factor")
      rotary.scaling = .longRoPE(
        RotarySpec.LongRoPE(
          short: try parameters.factors("short_factor", count: dimension / 2),
          long: try parameters.factors("long_factor", count: dimension / 2),
          originalContext: original,
          magnitude: try parameters.float("attention_factor")
            ?? RotarySpec.LongRoPE.magnitude(factor: factor, originalContext: original)))
    case "yarn":
      let factor =
        try parameters.has("factor") ? positive("factor") : stretch() ?? positive("factor")
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
          originalContext: try parameters.require("original_max_position_embeddings") { _ in
            try original() ?? context
          },
          fast: try parameters.float("beta_fast") ?? 32,
          slow: try parameters.float("beta_slow") ?? 1, magnitude: magnitude,
          rounds: try parameters.bool("truncate") ?? true))
    case let kind:
      throw parameters.fault(
        "rope_type",
        """
        is '\(kind)', and Hone knows 'default', 'dynamic', 'linear', 'llama3', 'longrope' and 'yarn' \
        here
        """)
    }
    return rotary
  }

  /// The numbers that pairs' frequencies are divided by.
  private func factors(_ key: String, count: Int) throws -> [Float] {
    let numbers = try require(key, floats)
    guard numbers.count == count, numbers.allSatisfy({ $0 > 0 }) else {
      throw fault(key, "is not \(count) positive numbers, one for each pair of a head that turns")
    }
    return numbers
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
  func configuration(
    file: String, keys: ConfigurationKeys = ConfigurationKeys()
  ) throws -> JSONObject {
    var config = JSONObject([
      ("head_dim", .integer(headDimension)),
      (keys.activation, .string(Configuration.name(of: activation))),
      (keys.hiddenSize, .integer(hiddenSize)),
      ("initializer_range", .number(0.02)),
      (keys.intermediateSize, .integer(intermediateSize)),
      (keys.contextLength, .integer(contextLength)),
      (keys.headCount, .integer(headCount)),
      (keys.layerCount, .integer(layerCount)),
      (keys.keyValueHeadCount, .integer(keyValueHeadCount)),
      (keys.normEpsilon, .number(Double(normEpsilon))),
      ("tie_word_embeddings", .bool(tiesHead)),
      ("use_cache", .bool(true)),
      ("vocab_size", .integer(vocabularySize)),
    ])
    if let rotary {
      config[keys.rotaryBase] = .number(Double(rotary.base))
      config["rope_scaling"] = try rotary.configuration(file: file)
      if rotary.dimension != headDimension || keys.usualRotaryShare != 1 {
        config[keys.rotaryShare] = .number(Double(rotary.dimension) / Double(headDimension))
      }
    }
    return config
  }
}
