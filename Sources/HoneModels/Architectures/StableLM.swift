import HoneFormats

/// StableLM 2: LayerNorm in Llama's place of RMS norms, a quarter of each head turns; the larger ones
/// normalise each head of queries and keys by weights of its own and add both halves at once.
///
/// Bellagente et al. 2024, https://arxiv.org/abs/2402.17834; `modeling_stablelm.py` of transformers.
package enum StableLM: Architecture {
  package static let name = "stablelm"
  package static let modelTypes = ["stablelm"]
  package static let ggufNames = ["stablelm"]
  package static let models = "StableLM 2"
  package static let fixtures = [
    FamilyFixture("stablelm"),
    FamilyFixture("stablelm-parallel"),
  ]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("use_qkv_bias", [.query, .key, .value])
  ]

  private static let keys = ConfigurationKeys(normEpsilon: "layer_norm_eps", usualRotaryShare: 0.25)

  package static func spec(config: Configuration) throws -> DecoderSpec {
    special(
      try config.spec(keys: keys), isParallel: try config.bool("use_parallel_residual") ?? false,
      normalizesHeads: try config.bool("qk_layernorm") ?? false)
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    special(
      try gguf.spec(normEpsilon: "attention.layer_norm_epsilon"),
      isParallel: !gguf.source.has("blk.0.ffn_norm.weight"),
      normalizesHeads: gguf.source.has("blk.0.attn_q_norm.weight"))
  }

  private static func special(
    _ common: DecoderSpec, isParallel: Bool, normalizesHeads: Bool
  ) -> DecoderSpec {
    var spec = common
    spec.norm = .layer
    spec.residual = isParallel ? .parallelSharingNorm : .sequential
    spec.queryKeyNorm = normalizesHeads ? .eachHead : .none
    spec.names.norms[.query] = "self_attn.q_layernorm"
    spec.names.norms[.key] = "self_attn.k_layernorm"
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file, keys: keys)
    config["head_dim"] = nil
    config["architectures"] = .array([.string("StableLmForCausalLM")])
    config["model_type"] = .string("stablelm")
    config["use_parallel_residual"] = .bool(spec.residual == .parallelSharingNorm)
    config["qk_layernorm"] = .bool(spec.queryKeyNorm == .eachHead)
    return config
  }
}
