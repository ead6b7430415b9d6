import HoneFormats

/// Llama's `config.json`, in the spelling of transformers 4, which 5 reads too.
extension Llama {
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.query, .key, .value, .output]), ("mlp_bias", [.gate, .up, .down]),
  ]

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    // Of the two names, only Mistral's configuration has a window.
    let isMistral = spec.window != nil
    var config = JSONObject([
      ("architectures", .array([.string(isMistral ? "MistralForCausalLM" : "LlamaForCausalLM")])),
      ("head_dim", .integer(spec.headDimension)),
      ("hidden_act", .string("silu")),
      ("hidden_size", .integer(spec.hiddenSize)),
      ("initializer_range", .number(0.02)),
      ("intermediate_size", .integer(spec.intermediateSize)),
      ("max_position_embeddings", .integer(spec.contextLength)),
      ("model_type", .string(isMistral ? "mistral" : "llama")),
      ("num_attention_heads", .integer(spec.headCount)),
      ("num_hidden_layers", .integer(spec.layerCount)),
      ("num_key_value_heads", .integer(spec.keyValueHeadCount)),
      ("rms_norm_eps", .number(Double(spec.normEpsilon))),
      ("rope_theta", .number(Double(spec.rotary.base))),
      ("rope_scaling", try scaling(of: spec.rotary, file: file)),
      ("tie_word_embeddings", .bool(spec.tiesHead)),
      ("use_cache", .bool(true)),
      ("vocab_size", .integer(spec.vocabularySize)),
    ])
    if let window = spec.window { config["sliding_window"] = .integer(window) }
    return config
  }

  private static func scaling(of rotary: RotarySpec, file: String) throws -> JSONValue {
    switch rotary.scaling {
    case .none: return .null
    case .linear(let factor):
      return .object(
        JSONObject([("rope_type", .string("linear")), ("factor", .number(Double(factor)))]))
    case .llama3(let factor, let low, let high, let context):
      return .object(
        JSONObject([
          ("rope_type", .string("llama3")), ("factor", .number(Double(factor))),
          ("low_freq_factor", .number(Double(low))), ("high_freq_factor", .number(Double(high))),
          ("original_max_position_embeddings", .integer(context)),
        ]))
    case .factors(let factors):
      // A GGUF keeps only each pair's divisor. Published rules blend between wavelengths of the
      // original context and a quarter of it; which context that is, is tried.
      var rule = rotary
      let factor = factors.max() ?? 1
      for context in (4...20).map({ 1 << $0 }) {
        rule.scaling = .llama3(
          factor: factor, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: context)
        let isSame = zip(rule.frequencies, rotary.frequencies).allSatisfy {
          abs($0 - $1) <= 1e-4 * abs($1)
        }
        if isSame { return try scaling(of: rule, file: file) }
      }
      throw ModelError(
        subject: file, place: "rope_freqs.weight",
        problem: "its rotary frequencies follow no rule that config.json can state",
        advice: "use the model's folder in Hugging Face layout as the base")
    }
  }
}
