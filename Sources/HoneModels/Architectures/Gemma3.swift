import HoneFormats

/// Gemma 3's text models: five layers that see a window and turn quickly for each that sees all;
/// queries and keys are normalised head by head.
///
/// Gemma team 2025, https://arxiv.org/abs/2503.19786; `modeling_gemma3.py` of transformers.
package enum Gemma3: Architecture {
  package static let name = "gemma3"
  package static let modelTypes = ["gemma3_text"]
  package static let ggufNames = ["gemma3"]
  package static let models = "Gemma 3 (text)"
  package static let fixtures = [FamilyFixture("gemma3")]
  package static let realModel: String? = "gemma-3-270m"
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.query, .key, .value, .output])
  ]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = try config.gemmaSpec()
    let pattern = try config.int("sliding_window_pattern") ?? 6
    let slides =
      try config.slidingLayers(spec.layerCount)
      ?? (1...spec.layerCount).map { $0 % pattern != 0 }
    let sections = try config.object("rope_parameters")
    let context = try config.int("max_position_embeddings")
    func rotary(_ kind: String, _ base: Float) throws -> RotarySpec {
      let section = try sections?.object(kind)
      return try Configuration.rotary(
        section, base: section?.float("rope_theta") ?? base, dimension: spec.headDimension,
        context: context)
    }
    let local = try rotary("sliding_attention", config.float("rope_local_base_freq") ?? 10_000)
    if sections == nil {
      // transformers 4: one scaling, for the layers that see all.
      spec.rotary = try Configuration.rotary(
        config.object("rope_scaling"), base: config.float("rope_theta") ?? 1_000_000,
        dimension: spec.headDimension, context: context)
    } else {
      spec.rotary = try rotary("full_attention", 1_000_000)
    }
    spec.becomeGemma3(slides, local: local)
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.gemmaSpec()
    // llama.cpp takes every sixth layer; files name the base of the others only lately.
    let local = RotarySpec(
      base: try gguf.float("rope.freq_base_swa") ?? 10_000, dimension: spec.headDimension)
    spec.becomeGemma3((1...spec.layerCount).map { $0 % 6 != 0 }, local: local)
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.gemmaConfiguration(file: file)
    config["architectures"] = .array([.string("Gemma3ForCausalLM")])
    config["model_type"] = .string("gemma3_text")
    let local = (0..<spec.layerCount).lazy.map(spec.layer).first { $0.window != nil }?.rotary
    config["rope_local_base_freq"] = (local ?? spec.rotary).map { .number(Double($0.base)) }
    return config
  }
}

extension DecoderSpec {
  fileprivate mutating func becomeGemma3(_ slides: [Bool], local: RotarySpec) {
    queryKeyNorm = .heads
    layers = slides.map {
      $0 ? Layer(window: window, rotary: local) : Layer(window: nil, rotary: rotary)
    }
  }
}
