import HoneFormats
import HoneTensors

/// A family of models: how its configuration reads and how its tensors are called.
///
/// A new family is one file beside this one and one line in ``Architectures/all``.
package protocol Architecture: Sendable {
  /// The name in a table: `llama`.
  static var name: String { get }
  /// Values of `model_type` in a Hugging Face `config.json`.
  static var modelTypes: [String] { get }
  /// Values of `general.architecture` in a GGUF file.
  static var ggufNames: [String] { get }
  /// The models of the family that people know, for a table: `Qwen 2 and 2.5`.
  static var models: String { get }
  /// Its tiny models among the tests' fixtures.
  static var fixtures: [FamilyFixture] { get }
  /// The catalogue's name of a model whose log-probabilities and texts are compared with
  /// transformers'; nil for none.
  static var realModel: String? { get }

  /// Whether a GGUF file of one of those names is of this family, where families share a name; so by
  /// default.
  static func claims(_ metadata: GGUFMetadata) throws -> Bool

  static func spec(config: Configuration) throws -> DecoderSpec
  static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec

  /// Whether llama.cpp's converter interleaves the two halves of each query and key head, since it
  /// turns neighbouring numbers of them; not by default.
  static var interleavesHeadsInGGUF: Bool { get }
  /// Tensors of a block in a folder that are no weights, without the block's name.
  static var ignoredNames: [String] { get }
  /// The norms' names in a GGUF file, without the block's.
  static func ggufNormNames(of spec: DecoderSpec) -> [NormSite: String]

  /// The `config.json` of such a network, for weights that come from no folder; what concerns
  /// tokens and the numbers' type is the caller's.
  ///
  /// - Throws: ``ModelError`` for a network that such a file cannot describe.
  static func config(of spec: DecoderSpec, file: String) throws -> JSONObject
  /// Keys of `config.json` that say whether projections have biases, each with the projections that
  /// then all have one.
  static var biasKeys: [(key: String, kinds: [Site.Kind])] { get }
  /// Projections that have biases in every network of the family.
  static var biasedKinds: [Site.Kind] { get }
}

extension Architecture {
  package static var realModel: String? { nil }
  package static func claims(_ metadata: GGUFMetadata) throws -> Bool { true }
  package static var interleavesHeadsInGGUF: Bool { false }
  package static var ignoredNames: [String] { ["self_attn.rotary_emb.inv_freq"] }

  package static func ggufNormNames(of spec: DecoderSpec) -> [NormSite: String] {
    [
      .attention: "attn_norm", .query: "attn_q_norm", .key: "attn_k_norm",
      .attentionOutput: "post_attention_norm", .feedForward: "ffn_norm",
      .feedForwardOutput: "post_ffw_norm",
    ]
  }

  package static var biasKeys: [(key: String, kinds: [Site.Kind])] { [] }
  package static var biasedKinds: [Site.Kind] { [] }
}

/// The families that Hone knows.
package enum Architectures {
  package static let all: [any Architecture.Type] = [
    Llama.self, Qwen2.self, Qwen3.self, Gemma2.self, Gemma3.self, SmolLM3.self, OLMo2.self,
    Granite.self, Phi3.self, StableLM.self, GPTNeoX.self, GPT2.self, OPT.self, Falcon.self,
    Mixtral.self, Qwen2MoE.self, Qwen3MoE.self, LFM2.self,
  ]

  static func named(gguf metadata: GGUFMetadata, file: String) throws -> any Architecture.Type {
    let name = try metadata.requireString("general.architecture")
    let found = try all.first { family in
      try family.ggufNames.contains(name) && family.claims(metadata)
    }
    guard let found else {
      throw unknown(name, file: file, known: all.flatMap { $0.ggufNames })
    }
    return found
  }

  static func named(modelType: String, file: String) throws -> any Architecture.Type {
    guard let found = all.first(where: { $0.modelTypes.contains(modelType) }) else {
      throw unknown(modelType, file: file, known: all.flatMap { $0.modelTypes })
    }
    return found
  }

  /// The family of a name that ``LanguageModel/architecture`` gives.
  package static func named(_ name: String) -> any Architecture.Type {
    guard let found = all.first(where: { $0.name == name }) else {
      preconditionFailure("there is no family \(name)")
    }
    return found
  }

  private static func unknown(_ name: String, file: String, known: [String]) -> ModelError {
    ModelError(
      subject: file, problem: "the architecture '\(name)' is not one that Hone runs",
      advice: "it runs \(known.joined(separator: ", "))")
  }
}
