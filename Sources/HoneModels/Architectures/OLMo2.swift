import HoneFormats

/// OLMo 2: what a block's halves give is normalised, not what they take, and so are all queries
/// together and all keys.
///
/// OLMo team 2024, https://arxiv.org/abs/2501.00656; `modeling_olmo2.py` of transformers.
package enum OLMo2: Architecture {
  package static let name = "olmo2"
  package static let modelTypes = ["olmo2"]
  package static let ggufNames = ["olmo2"]
  package static let models = "OLMo 2"
  package static let fixtures = [FamilyFixture("olmo2")]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.query, .key, .value, .output])
  ]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    special(try config.spec())
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    special(try gguf.spec())
  }

  private static func special(_ common: DecoderSpec) -> DecoderSpec {
    var spec = common
    spec.normPlacement = .after
    spec.names.norms[.attentionOutput] = "post_attention_layernorm"
    spec.names.norms[.feedForwardOutput] = "post_feedforward_layernorm"
    spec.queryKeyNorm = .whole
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file)
    config["architectures"] = .array([.string("Olmo2ForCausalLM")])
    config["model_type"] = .string("olmo2")
    return config
  }
}
