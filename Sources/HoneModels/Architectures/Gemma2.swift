import HoneFormats

/// Gemma 2: norms on both sides of a block's halves, every other layer sees a window, scores and
/// logits are capped.
///
/// Gemma team 2024, https://arxiv.org/abs/2408.00118; `modeling_gemma2.py` of transformers.
package enum Gemma2: Architecture {
  package static let name = "gemma2"
  package static let modelTypes = ["gemma2"]
  package static let ggufNames = ["gemma2"]
  package static let models = "Gemma 2"
  package static let fixtures = [FamilyFixture("gemma2")]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.query, .key, .value, .output])
  ]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = try config.gemmaSpec()
    let slides =
      try config.slidingLayers(spec.layerCount) ?? (0..<spec.layerCount).map { $0 % 2 == 0 }
    spec.setWindows(slides)
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.gemmaSpec()
    spec.setWindows((0..<spec.layerCount).map { $0 % 2 == 0 })
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.gemmaConfiguration(file: file)
    config["architectures"] = .array([.string("Gemma2ForCausalLM")])
    config["model_type"] = .string("gemma2")
    return config
  }
}

/// What Gemma 2 and 3 have in common.
extension DecoderSpec {
  fileprivate mutating func becomeGemma() {
    normPlacement = .around
    names.norms[.feedForward] = "pre_feedforward_layernorm"
    names.norms[.attentionOutput] = "post_attention_layernorm"
    names.norms[.feedForwardOutput] = "post_feedforward_layernorm"
    normOffset = 1
    activation = .geluTanh
    embeddingScale = Float(hiddenSize).squareRoot()
  }

  fileprivate mutating func setWindows(_ slides: [Bool]) {
    layers = slides.map { Layer(window: $0 ? window : nil, rotary: rotary) }
  }

  func gemmaConfiguration(file: String) throws -> JSONObject {
    var config = try configuration(file: file, keys: .gemma)
    let scale = attentionScale ?? 1 / Float(headDimension).squareRoot()
    config["query_pre_attn_scalar"] = .integer(Int((1 / (scale * scale)).rounded()))
    config["attn_logit_softcapping"] =
      attentionSoftCap > 0 ? .number(Double(attentionSoftCap)) : .null
    config["final_logit_softcapping"] =
      logitSoftCap > 0 ? .number(Double(logitSoftCap)) : .null
    if let window { config["sliding_window"] = .integer(window) }
    config["layer_types"] = .array(
      (0..<layerCount).map {
        .string(layer($0).window == nil ? "full_attention" : "sliding_attention")
      })
    return config
  }
}

extension ConfigurationKeys {
  fileprivate static var gemma: Self {
    Self(activation: "hidden_activation", usuallyTiesHead: true)
  }
}

extension Configuration {
  func gemmaSpec() throws -> DecoderSpec {
    if try bool("use_bidirectional_attention") ?? false {
      throw fault("use_bidirectional_attention", "is true, and Hone runs causal networks only")
    }
    var spec = try spec(keys: .gemma, activations: [.geluTanh])
    spec.becomeGemma()
    spec.window = try int("sliding_window")
    let scalar = try float("query_pre_attn_scalar") ?? Float(spec.headDimension)
    spec.attentionScale = 1 / scalar.squareRoot()
    spec.attentionSoftCap = try float("attn_logit_softcapping") ?? 0
    spec.logitSoftCap = try float("final_logit_softcapping") ?? 0
    return spec
  }
}

extension GGUFConfiguration {
  func gemmaSpec() throws -> DecoderSpec {
    var spec = try spec()
    spec.becomeGemma()
    spec.attentionSoftCap = try float("attn_logit_softcapping") ?? 0
    spec.logitSoftCap = try float("final_logit_softcapping") ?? 0
    return spec
  }
}
