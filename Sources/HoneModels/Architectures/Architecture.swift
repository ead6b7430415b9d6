import HoneFormats
import HoneTensors

/// A family of models: how its configuration reads and how its tensors are called.
///
/// A new family is one file beside this one and one line in ``all``.
package protocol Architecture: Sendable {
  /// The name in a table: `llama`.
  static var name: String { get }
  /// Values of `model_type` in a Hugging Face `config.json`.
  static var modelTypes: [String] { get }
  /// Values of `general.architecture` in a GGUF file.
  static var ggufNames: [String] { get }

  static func spec(config: Configuration) throws -> DecoderSpec
  static func spec(gguf: GGUFMetadata, source: WeightSource) throws -> DecoderSpec
  static func decoder(spec: DecoderSpec, folder source: WeightSource, engine: Engine) throws
    -> Decoder
  static func decoder(spec: DecoderSpec, gguf source: WeightSource, engine: Engine) throws
    -> Decoder

  /// The `config.json` of such a network, for weights that come from no folder; what concerns
  /// tokens and the numbers' type is the caller's.
  ///
  /// - Throws: ``ModelError`` for a network that such a file cannot describe.
  static func config(of spec: DecoderSpec, file: String) throws -> JSONObject
  /// Keys of `config.json` that say whether projections have biases, each with the projections that
  /// then all have one.
  static var biasKeys: [(key: String, kinds: [Site.Kind])] { get }
}

/// The families that Hone knows.
package enum Architectures {
  package static let all: [any Architecture.Type] = [Llama.self]

  static func named(gguf name: String, file: String) throws -> any Architecture.Type {
    guard let found = all.first(where: { $0.ggufNames.contains(name) }) else {
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
