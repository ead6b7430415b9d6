/// The pre-tokenisers that GGUF files name under `tokenizer.ggml.pre`.
///
/// The names are llama.cpp's; the patterns are those of the models' own `tokenizer.json` files.
struct GGUFPreTokenizer: Sendable {
  let names: [String]
  let make: @Sendable () throws -> any PreTokenizer
  /// Whether a piece that is a token needs no merging.
  var ignoresMerges = false

  static let all: [GGUFPreTokenizer] = [
    GGUFPreTokenizer(names: ["smollm"], make: { try digitsThenGPT2() })
  ]

  static func named(_ name: String) -> GGUFPreTokenizer? {
    all.first { $0.names.contains(name) }
  }

  private static func digitsThenGPT2() throws -> any PreTokenizer {
    PreTokenizers.sequence([
      PreTokenizers.digits(individually: true),
      try ByteLevelPreTokenizer(addsPrefixSpace: false, splits: true),
    ])
  }
}
