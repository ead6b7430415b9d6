import HoneFormats

/// Mixtral: Mistral, where each token goes to two of a block's eight experts.
///
/// Jiang et al. 2024, https://arxiv.org/abs/2401.04088; `modeling_mixtral.py` of transformers; `llama`
/// with experts in llama.cpp.
package enum Mixtral: Architecture {
  package static let name = "mixtral"
  package static let modelTypes = ["mixtral"]
  package static let ggufNames = ["llama"]
  package static let models = "Mixtral"
  package static let fixtures = [FamilyFixture("mixtral")]
  package static let interleavesHeadsInGGUF = true

  package static func claims(_ metadata: GGUFMetadata) throws -> Bool {
    try metadata.uint("llama.expert_count").map { $0 > 0 } ?? false
  }

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var keys = ConfigurationKeys()
    keys.usualRotaryBase = 1_000_000
    var spec = try config.spec(keys: keys)
    spec.window = try config.int("sliding_window")
    spec.becomeMixtral(
      count: try config.int("num_local_experts") ?? config.int("num_experts") ?? 8,
      choices: try config.int("num_experts_per_tok") ?? 2)
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.spec()
    spec.becomeMixtral(
      count: try gguf.requireCount("expert_count"),
      choices: try gguf.requireCount("expert_used_count"))
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file)
    config["architectures"] = .array([.string("MixtralForCausalLM")])
    config["model_type"] = .string("mixtral")
    config["num_local_experts"] = spec.experts.map { .integer($0.count) }
    config["num_experts_per_tok"] = spec.experts.map { .integer($0.choices) }
    config["sliding_window"] = spec.window.map { .integer($0) } ?? .null
    return config
  }
}

extension DecoderSpec {
  fileprivate mutating func becomeMixtral(count: Int, choices: Int) {
    experts = Experts(
      count: count, choices: choices, intermediateSize: intermediateSize, normalizes: true)
    names.experts = "block_sparse_moe.experts"
    names.projections[.router] = "block_sparse_moe.gate"
    names.projections[.expertGate] = "w1"
    names.projections[.expertUp] = "w3"
    names.projections[.expertDown] = "w2"
  }
}
