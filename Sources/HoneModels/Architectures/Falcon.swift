import HoneFormats
import HoneTensors

/// Falcon 1 and 2: LayerNorm, one projection for queries, keys and values by key heads, of which there
/// may be one; both halves take what the block takes, through one norm or two.
///
/// Almazrouei et al. 2023, https://arxiv.org/abs/2311.16867; `modeling_falcon.py` of transformers.
/// Falcon 3 is a Llama.
package enum Falcon: Architecture {
  package static let name = "falcon"
  package static let modelTypes = ["falcon"]
  package static let ggufNames = ["falcon"]
  package static let models = "Falcon"
  package static let fixtures = [
    FamilyFixture("falcon"),
    FamilyFixture("falcon-new"),
    FamilyFixture.withoutGGUF("falcon-heads"),
  ]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("bias", [.queryKeyValue, .output, .up, .down])
  ]
  package static let ignoredNames = ["self_attention.rotary_emb.inv_freq"]

  private static let keys = ConfigurationKeys(
    intermediateSize: "ffn_hidden_size", keyValueHeadCount: "num_kv_heads",
    normEpsilon: "layer_norm_epsilon", activation: "activation", usualIntermediateRatio: 4,
    usualNormEpsilon: 1e-5, usualContextLength: 2048, usuallyTiesHead: true)

  package static func spec(config: Configuration) throws -> DecoderSpec {
    if try config.bool("alibi") ?? false {
      throw config.fault("alibi", "is true, and Hone runs Falcon with turned positions only")
    }
    var spec = try config.spec(keys: keys, activations: [.gelu, .geluTanh, .relu, .silu])
    let isNew = try config.bool("new_decoder_architecture") ?? false
    let isParallel = try config.bool("parallel_attn") ?? true
    if !isNew {
      let sharesKeys = try config.bool("multi_query") ?? true
      spec.keyValueHeadCount = sharesKeys ? 1 : spec.headCount
    }
    let norms = try config.int("num_ln_in_parallel_attn") ?? (isNew ? 2 : 1)
    if isNew && !isParallel {
      throw config.fault(
        "parallel_attn", "is false, which the new decoder architecture does not have")
    }
    spec.becomeFalcon(
      isParallel ? isNew && norms == 2 ? .parallel : .parallelSharingNorm : .sequential)
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.spec(normEpsilon: "attention.layer_norm_epsilon")
    spec.activation = .gelu
    spec.becomeFalcon(
      gguf.source.has("blk.0.attn_norm_2.weight") ? .parallel : .parallelSharingNorm)
    return spec
  }

  package static func ggufNormNames(of spec: DecoderSpec) -> [NormSite: String] {
    spec.residual == .parallel
      ? [.attention: "attn_norm_2", .feedForward: "attn_norm"]
      : [.attention: "attn_norm", .feedForward: "ffn_norm"]
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file, keys: keys)
    config["head_dim"] = nil
    config["architectures"] = .array([.string("FalconForCausalLM")])
    config["model_type"] = .string("falcon")
    config["alibi"] = .bool(false)
    config["parallel_attn"] = .bool(true)
    // Other than this one, only one key head or as many as queries can be said.
    let isNew = spec.residual == .parallel || ![1, spec.headCount].contains(spec.keyValueHeadCount)
    config["new_decoder_architecture"] = .bool(isNew)
    config["multi_query"] = .bool(spec.keyValueHeadCount == 1)
    config["num_ln_in_parallel_attn"] = .integer(spec.residual == .parallel ? 2 : 1)
    return config
  }
}

extension DecoderSpec {
  fileprivate mutating func becomeFalcon(_ residual: Residual) {
    norm = .layer
    self.residual = residual
    queryKeyValue = .byKeyHead
    feedForward = .plain
    names = ModuleNames(
      embedding: "transformer.word_embeddings", blocks: "transformer.h",
      finalNorm: "transformer.ln_f",
      projections: [
        .queryKeyValue: "self_attention.query_key_value", .output: "self_attention.dense",
        .up: "mlp.dense_h_to_4h", .down: "mlp.dense_4h_to_h",
      ],
      norms: residual == .parallel
        ? [.attention: "ln_attn", .feedForward: "ln_mlp"]
        : [.attention: "input_layernorm", .feedForward: "post_attention_layernorm"])
  }
}
