import HoneFormats

/// Qwen 3 with experts: Qwen 3, where each token goes to a few of many small experts.
///
/// Yang et al. 2025, https://arxiv.org/abs/2505.09388; `modeling_qwen3_moe.py` of transformers.
package enum Qwen3MoE: Architecture {
  package static let name = "qwen3_moe"
  package static let modelTypes = ["qwen3_moe"]
  package static let ggufNames = ["qwen3moe"]
  package static let models = "Qwen 3 MoE"
  package static let fixtures = [FamilyFixture("qwen3_moe")]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.query, .key, .value, .output])
  ]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = try config.spec()
    if try config.bool("use_sliding_window") ?? false {
      spec.window = try config.int("sliding_window")
    }
    spec.queryKeyNorm = .heads
    spec.experts = try config.qwenExperts(of: spec)
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.spec()
    spec.queryKeyNorm = .heads
    spec.experts = try gguf.experts(of: spec, normalizes: true)
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file)
    config["architectures"] = .array([.string("Qwen3MoeForCausalLM")])
    config["model_type"] = .string("qwen3_moe")
    config.add(spec.experts)
    return config
  }
}
