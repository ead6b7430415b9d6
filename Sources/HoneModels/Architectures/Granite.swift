import HoneFormats

/// Granite 3: Llama with factors on embeddings, scores, halves of blocks and logits.
///
/// `modeling_granite.py` of transformers; `granite` in llama.cpp.
package enum Granite: Architecture {
  package static let name = "granite"
  package static let modelTypes = ["granite"]
  package static let ggufNames = ["granite"]
  package static let models = "Granite 3"
  package static let fixtures = [FamilyFixture("granite")]
  package static let interleavesHeadsInGGUF = true
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("attention_bias", [.query, .key, .value, .output]), ("mlp_bias", [.gate, .up, .down]),
  ]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = try config.spec()
    spec.embeddingScale = try config.float("embedding_multiplier") ?? 1
    spec.attentionScale = try config.float("attention_multiplier") ?? 1
    spec.residualScale = try config.float("residual_multiplier") ?? 1
    spec.logitScale = 1 / (try config.float("logits_scaling") ?? 1)
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.spec()
    spec.embeddingScale = try gguf.float("embedding_scale") ?? 1
    spec.attentionScale = try gguf.float("attention.scale")
    spec.residualScale = try gguf.float("residual_scale") ?? 1
    spec.logitScale = 1 / (try gguf.float("logit_scale") ?? 1)
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file)
    config["head_dim"] = nil
    config["architectures"] = .array([.string("GraniteForCausalLM")])
    config["model_type"] = .string("granite")
    config["embedding_multiplier"] = .number(Double(spec.embeddingScale))
    config["attention_multiplier"] = .number(
      Double(spec.attentionScale ?? 1 / Float(spec.headDimension).squareRoot()))
    config["residual_multiplier"] = .number(Double(spec.residualScale))
    config["logits_scaling"] = .number(Double(1 / spec.logitScale))
    return config
  }
}
