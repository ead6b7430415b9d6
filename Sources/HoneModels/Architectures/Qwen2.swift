import HoneFormats

/// Qwen 2 and 2.5: biases on queries, keys and values.
///
/// Yang et al. 2024, https://arxiv.org/abs/2407.10671; `modeling_qwen2.py` of transformers.
package enum Qwen2: Architecture {
  package static let name = "qwen2"
  package static let modelTypes = ["qwen2"]
  package static let ggufNames = ["qwen2"]
  package static let models = "Qwen 2 and 2.5"
  // llama.cpp has no window in this one.
  package static let fixtures = [
    FamilyFixture("qwen2"),
    FamilyFixture.withoutGGUF("qwen2-window"),
  ]
  package static let realModel: String? = "qwen2.5-coder-0.5b"
  package static let biasedKinds: [Site.Kind] = [.query, .key, .value]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    try config.qwenSpec()
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec { try gguf.spec() }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file)
    // A head's width follows from the others there.
    config["head_dim"] = nil
    config["architectures"] = .array([.string("Qwen2ForCausalLM")])
    config["model_type"] = .string("qwen2")
    return config
  }
}

extension Configuration {
  /// Qwen's way of saying which layers see only a window: those from `max_window_layers` on, where
  /// `use_sliding_window` is set, or as `layer_types` says.
  func qwenSpec() throws -> DecoderSpec {
    var spec = try spec()
    guard try bool("use_sliding_window") ?? false, let window = try int("sliding_window") else {
      return spec
    }
    let first = try integer("max_window_layers") ?? 0
    let slides =
      try slidingLayers(spec.layerCount) ?? (0..<spec.layerCount).map { $0 >= first }
    spec.layers = slides.map { DecoderSpec.Layer(window: $0 ? window : nil, rotary: spec.rotary) }
    return spec
  }
}
