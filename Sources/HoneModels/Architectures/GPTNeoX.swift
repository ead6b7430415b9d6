import HoneFormats
import HoneTensors

/// GPT-NeoX and Pythia: LayerNorm, one projection for queries, keys and values head by head, a
/// feed-forward half without a gate, and both halves take what the block takes.
///
/// Black et al. 2022, https://arxiv.org/abs/2204.06745; `modeling_gpt_neox.py` of transformers.
package enum GPTNeoX: Architecture {
  package static let name = "gpt_neox"
  package static let modelTypes = ["gpt_neox"]
  package static let ggufNames = ["gptneox"]
  package static let models = "GPT-NeoX, Pythia"
  package static let fixtures = [
    FamilyFixture("gpt_neox"),
    FamilyFixture.withoutGGUF("gpt_neox-sequential"),
  ]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.queryKeyValue, .output])
  ]
  package static let biasedKinds: [Site.Kind] = [.up, .down]
  package static let ignoredNames = [
    "attention.bias", "attention.masked_bias", "attention.rotary_emb.inv_freq",
  ]

  private static let keys = ConfigurationKeys(
    normEpsilon: "layer_norm_eps", rotaryBase: "rotary_emb_base", rotaryShare: "rotary_pct",
    usualRotaryShare: 0.25)

  package static func spec(config: Configuration) throws -> DecoderSpec {
    special(
      try config.spec(keys: keys, activations: [.gelu, .geluTanh, .relu]),
      isParallel: try config.bool("use_parallel_residual") ?? true)
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = special(
      try gguf.spec(normEpsilon: "attention.layer_norm_epsilon"),
      isParallel: try gguf.bool("use_parallel_residual") ?? true)
    // The file does not say it; llama.cpp takes the tanh form for all.
    spec.activation = .gelu
    return spec
  }

  private static func special(_ common: DecoderSpec, isParallel: Bool) -> DecoderSpec {
    var spec = common
    spec.norm = .layer
    spec.residual = isParallel ? .parallel : .sequential
    spec.queryKeyValue = .byKeyHead
    spec.feedForward = .plain
    spec.names = ModuleNames(
      embedding: "gpt_neox.embed_in", blocks: "gpt_neox.layers",
      finalNorm: "gpt_neox.final_layer_norm", storedHead: "embed_out",
      projections: [
        .queryKeyValue: "attention.query_key_value", .output: "attention.dense",
        .up: "mlp.dense_h_to_4h", .down: "mlp.dense_4h_to_h",
      ])
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file, keys: keys)
    for key in ["head_dim", "num_key_value_heads"] { config[key] = nil }
    config["architectures"] = .array([.string("GPTNeoXForCausalLM")])
    config["model_type"] = .string("gpt_neox")
    config["use_parallel_residual"] = .bool(spec.residual == .parallel)
    return config
  }
}
