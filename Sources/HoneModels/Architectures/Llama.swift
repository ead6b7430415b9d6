import HoneFormats

/// Llama and the models built like it: Llama 2 and 3, SmolLM 1 and 2, Mistral and Mistral-Nemo.
///
/// Touvron et al. 2023; `modeling_llama.py` and `modeling_mistral.py` of transformers; `llama` in
/// llama.cpp.
package enum Llama: Architecture {
  package static let name = "llama"
  package static let modelTypes = ["llama", "mistral"]
  package static let ggufNames = ["llama"]
  package static let models = "Llama 2 and 3, SmolLM 1 and 2, Mistral, Mistral-Nemo"
  package static let fixtures = [
    FamilyFixture("mistral"),
    FamilyFixture("mistral-nemo"),
    FamilyFixture("llama-linear"),
    FamilyFixture.withoutGGUF("llama-dynamic"),
  ]
  package static let realModel: String? = "smollm2-135m"
  package static let interleavesHeadsInGGUF = true
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.query, .key, .value, .output]), ("mlp_bias", [.gate, .up, .down]),
  ]

  package static func claims(_ metadata: GGUFMetadata) throws -> Bool {
    try !Mixtral.claims(metadata)
  }

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = try config.spec()
    spec.window = try config.int("sliding_window")
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec { try gguf.spec() }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    // Of the two names, only Mistral's configuration has a window.
    let isMistral = spec.window != nil
    var config = try spec.configuration(file: file)
    config["architectures"] = .array([
      .string(isMistral ? "MistralForCausalLM" : "LlamaForCausalLM")
    ])
    config["model_type"] = .string(isMistral ? "mistral" : "llama")
    if let window = spec.window { config["sliding_window"] = .integer(window) }
    return config
  }
}
