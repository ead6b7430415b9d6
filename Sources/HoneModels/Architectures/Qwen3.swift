import HoneFormats

/// Qwen 3: queries and keys are normalised head by head.
///
/// Yang et al. 2025, https://arxiv.org/abs/2505.09388; `modeling_qwen3.py` of transformers.
package enum Qwen3: Architecture {
  package static let name = "qwen3"
  package static let modelTypes = ["qwen3"]
  package static let ggufNames = ["qwen3"]
  package static let models = "Qwen 3"
  package static let fixtures = [FamilyFixture("qwen3")]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.query, .key, .value, .output])
  ]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = try config.qwenSpec()
    spec.queryKeyNorm = .heads
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.spec()
    spec.queryKeyNorm = .heads
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file)
    config["architectures"] = .array([.string("Qwen3ForCausalLM")])
    config["model_type"] = .string("qwen3")
    return config
  }
}
