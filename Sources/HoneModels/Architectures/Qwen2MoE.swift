import HoneFormats

/// Qwen 1.5 and 2 with experts: Qwen 2, where each token goes to a few of many small experts, and to
/// a shared one that is weighed by a gate of its own.
///
/// Yang et al. 2024, https://arxiv.org/abs/2407.10671; `modeling_qwen2_moe.py` of transformers.
package enum Qwen2MoE: Architecture {
  package static let name = "qwen2_moe"
  package static let modelTypes = ["qwen2_moe"]
  package static let ggufNames = ["qwen2moe"]
  package static let models = "Qwen 1.5 and 2 MoE"
  // llama.cpp has experts in all blocks, and does not normalise their weights.
  package static let fixtures = [
    FamilyFixture("qwen2_moe"),
    FamilyFixture.withoutGGUF("qwen2_moe-dense"),
  ]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("qkv_bias", [.query, .key, .value])
  ]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = try config.spec()
    if try config.bool("use_sliding_window") ?? false,
      let window = try config.int("sliding_window")
    {
      let last = try config.integer("max_window_layers") ?? 28
      let slides =
        try config.slidingLayers(spec.layerCount)
        ?? (0..<spec.layerCount).map { $0 % 2 == 0 && $0 < last }
      spec.layers = slides.map {
        DecoderSpec.Layer(window: $0 ? window : nil, rotary: spec.rotary)
      }
    }
    spec.experts = try config.qwenExperts(of: spec)
    spec.experts?.sharedSize = try config.require("shared_expert_intermediate_size", config.int)
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.spec()
    spec.experts = try gguf.experts(of: spec, normalizes: false)
    spec.experts?.sharedSize =
      try gguf.count("expert_shared_feed_forward_length") ?? spec.intermediateSize
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file)
    // A head's width follows from the others there.
    config["head_dim"] = nil
    config["architectures"] = .array([.string("Qwen2MoeForCausalLM")])
    config["model_type"] = .string("qwen2_moe")
    config.add(spec.experts)
    config["shared_expert_intermediate_size"] = spec.experts?.sharedSize.map { .integer($0) }
    return config
  }
}

extension Configuration {
  /// Qwen's way of saying what experts there are.
  func qwenExperts(of spec: DecoderSpec) throws -> DecoderSpec.Experts {
    let step = try int("decoder_sparse_step") ?? 1
    let dense = Set(try integers("mlp_only_layers") ?? [])
    guard dense.allSatisfy({ (0..<spec.layerCount).contains($0) }) else {
      throw fault("mlp_only_layers", "names a layer that there is not, of \(spec.layerCount)")
    }
    return DecoderSpec.Experts(
      count: try require("num_experts") { try int($0) ?? int("num_local_experts") },
      choices: try require("num_experts_per_tok", int),
      intermediateSize: try require("moe_intermediate_size", int),
      normalizes: try bool("norm_topk_prob") ?? false,
      denseLayers: dense.union((0..<spec.layerCount).filter { ($0 + 1) % step != 0 }))
  }
}

extension GGUFConfiguration {
  /// - Parameter normalizes: as llama.cpp computes the family; the file does not say it.
  func experts(of spec: DecoderSpec, normalizes: Bool) throws -> DecoderSpec.Experts {
    let choices = try requireCount("expert_used_count")
    return DecoderSpec.Experts(
      count: try requireCount("expert_count"), choices: choices,
      intermediateSize: try count("expert_feed_forward_length")
        ?? spec.intermediateSize / choices,
      normalizes: normalizes)
  }
}

extension JSONObject {
  /// What Qwen's configurations say of experts.
  mutating func add(_ experts: DecoderSpec.Experts?) {
    guard let experts else { return }
    self["num_experts"] = .integer(experts.count)
    self["num_experts_per_tok"] = .integer(experts.choices)
    self["moe_intermediate_size"] = .integer(experts.intermediateSize)
    self["norm_topk_prob"] = .bool(experts.normalizes)
    self["decoder_sparse_step"] = .integer(1)
    self["mlp_only_layers"] = .array(experts.denseLayers.sorted().map { .integer($0) })
  }
}
