import HoneFormats

/// SmolLM3: Llama, where every fourth layer does not turn its queries and keys.
///
/// `modeling_smollm3.py` of transformers; Yang et al. 2025 (NoPE), https://arxiv.org/abs/2501.18795
package enum SmolLM3: Architecture {
  package static let name = "smollm3"
  package static let modelTypes = ["smollm3"]
  package static let ggufNames = ["smollm3"]
  package static let models = "SmolLM 3"
  package static let fixtures = [FamilyFixture("smollm3")]
  package static let interleavesHeadsInGGUF = true
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.query, .key, .value, .output]), ("mlp_bias", [.gate, .up, .down]),
  ]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = try config.qwenSpec()
    let interval = try config.int("no_rope_layer_interval") ?? 4
    let turned =
      try config.integers("no_rope_layers")
      ?? (1...spec.layerCount).map { $0 % interval == 0 ? 0 : 1 }
    guard turned.count == spec.layerCount, turned.allSatisfy({ $0 == 0 || $0 == 1 }) else {
      throw config.fault(
        "no_rope_layers", "is not a 0 or 1 for each of \(spec.layerCount) layers")
    }
    spec.layers = turned.enumerated().map { index, turns in
      DecoderSpec.Layer(
        window: spec.layer(index).window, rotary: turns == 1 ? spec.rotary : nil)
    }
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.spec()
    // The file does not say which layers; llama.cpp takes every fourth.
    spec.layers = (1...spec.layerCount).map {
      DecoderSpec.Layer(window: spec.window, rotary: $0 % 4 == 0 ? nil : spec.rotary)
    }
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file)
    config["architectures"] = .array([.string("SmolLM3ForCausalLM")])
    config["model_type"] = .string("smollm3")
    config["no_rope_layers"] = .array(
      (0..<spec.layerCount).map { .integer(spec.layer($0).rotary == nil ? 0 : 1) })
    return config
  }
}
