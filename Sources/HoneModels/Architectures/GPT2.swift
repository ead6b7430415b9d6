import HoneFormats
import HoneTensors

/// GPT-2: learned positions, LayerNorm, one projection for queries, keys and values, a feed-forward
/// half without a gate; folders keep projections as inputs by outputs.
///
/// Radford et al. 2019, "Language models are unsupervised multitask learners"; `modeling_gpt2.py` of
/// transformers.
package enum GPT2: Architecture {
  package static let name = "gpt2"
  package static let modelTypes = ["gpt2"]
  package static let ggufNames = ["gpt2"]
  package static let models = "GPT-2"
  package static let fixtures = [FamilyFixture("gpt2")]
  package static let biasedKinds: [Site.Kind] = [.queryKeyValue, .output, .up, .down]
  package static let ignoredNames = ["attn.bias", "attn.masked_bias"]

  private static let keys = ConfigurationKeys(
    hiddenSize: "n_embd", intermediateSize: "n_inner", layerCount: "n_layer", headCount: "n_head",
    normEpsilon: "layer_norm_epsilon", contextLength: "n_positions",
    activation: "activation_function", usualIntermediateRatio: 4, usualNormEpsilon: 1e-5,
    usuallyTiesHead: true)

  package static func spec(config: Configuration) throws -> DecoderSpec {
    for key in ["scale_attn_by_inverse_layer_idx", "add_cross_attention"]
    where try config.bool(key) ?? false {
      throw config.fault(key, "is true, which Hone does not compute")
    }
    var spec = special(
      try config.spec(keys: keys, activations: [.geluTanh, .gelu, .relu, .silu], isRotary: false))
    if try !(config.bool("scale_attn_weights") ?? true) { spec.attentionScale = 1 }
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = special(
      try gguf.spec(normEpsilon: "attention.layer_norm_epsilon", isRotary: false))
    spec.activation = .geluTanh
    return spec
  }

  private static func special(_ common: DecoderSpec) -> DecoderSpec {
    var spec = common
    spec.norm = .layer
    spec.queryKeyValue = .stacked
    spec.feedForward = .plain
    spec.positionOffset = 0
    spec.names = ModuleNames(
      embedding: "transformer.wte", positions: "transformer.wpe", blocks: "transformer.h",
      finalNorm: "transformer.ln_f",
      projections: [
        .queryKeyValue: "attn.c_attn", .output: "attn.c_proj", .up: "mlp.c_fc",
        .down: "mlp.c_proj",
      ], norms: [.attention: "ln_1", .feedForward: "ln_2"], storesInputsFirst: true)
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file, keys: keys)
    for key in ["head_dim", "num_key_value_heads"] { config[key] = nil }
    config["architectures"] = .array([.string("GPT2LMHeadModel")])
    config["model_type"] = .string("gpt2")
    return config
  }
}
