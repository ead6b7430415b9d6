import HoneFormats

/// Phi 3, 3.5 and 4: queries, keys and values are one projection, and so are gate and up; longer
/// models turn long texts more slowly than short ones.
///
/// Abdin et al. 2024, https://arxiv.org/abs/2404.14219; `modeling_phi3.py` of transformers.
package enum Phi3: Architecture {
  package static let name = "phi3"
  package static let modelTypes = ["phi3"]
  package static let ggufNames = ["phi3"]
  package static let models = "Phi-3, 3.5 and 4"
  package static let fixtures = [
    FamilyFixture("phi3"),
    FamilyFixture("phi3-short"),
    FamilyFixture("phi3-long"),
  ]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = special(try config.spec())
    spec.window = try config.int("sliding_window")
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    special(try gguf.spec())
  }

  private static func special(_ common: DecoderSpec) -> DecoderSpec {
    var spec = common
    spec.queryKeyValue = .stacked
    spec.feedForward = .fusedGated
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file)
    config["head_dim"] = nil
    config["architectures"] = .array([.string("Phi3ForCausalLM")])
    config["model_type"] = .string("phi3")
    config["sliding_window"] = spec.window.map { .integer($0) } ?? .null
    if case .longRoPE(let rule) = spec.rotary?.scaling {
      config["original_max_position_embeddings"] = .integer(rule.originalContext)
    }
    return config
  }
}
