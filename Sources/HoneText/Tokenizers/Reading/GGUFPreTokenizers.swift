import HoneFormats

/// A pre-tokeniser that GGUF files name under `tokenizer.ggml.pre`.
///
/// The names are llama.cpp's; each is described as the models' own `tokenizer.json` files do, so
/// that such a file can be written from a GGUF too.
struct GGUFPreTokenizer: Sendable {
  let names: [String]
  /// The `pre_tokenizer` of a `tokenizer.json`.
  let json: JSONValue
  /// Its `normalizer`, or null.
  var normalizer = JSONValue.null
  /// Whether a piece that is a token needs no merging.
  var ignoresMerges = false
  /// Whether a text begins with the token for that when the file does not say.
  var addsBeginning = false

  static func named(_ name: String) -> GGUFPreTokenizer? {
    all.first { $0.names.contains(name) }
  }

  // MARK: Parts of descriptions

  private static func sequence(_ items: [JSONValue]) -> JSONValue {
    .component("Sequence", ["pretokenizers": .array(items)])
  }

  private static func split(_ pattern: String) -> JSONValue {
    .component(
      "Split",
      [
        "pattern": .members(["Regex": .string(pattern)]),
        "behavior": .string("Isolated"), "invert": .bool(false),
      ])
  }

  /// Splits by patterns, one after the other, and reads bytes.
  private static func splits(_ patterns: String...) -> JSONValue {
    sequence(patterns.map(split) + [byteLevel(splits: false)])
  }

  private static func byteLevel(splits: Bool) -> JSONValue {
    .component(
      "ByteLevel",
      [
        "add_prefix_space": .bool(false), "trim_offsets": .bool(true), "use_regex": .bool(splits),
      ])
  }

  private static func digits(individually: Bool) -> JSONValue {
    .component("Digits", ["individual_digits": .bool(individually)])
  }

  private static let nfc = JSONValue.component("NFC")

  // MARK: The list

  static let all: [GGUFPreTokenizer] = [
    GGUFPreTokenizer(
      names: [
        "gpt-2", "phi-2", "mpt", "olmo", "jais", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es",
        "jina-v2-de", "jina-v2-code", "roberta-bpe", "gigachat", "a.x-4.0", "mellum", "modern-bert",
        "exaone4", "trillion", "granite-docling",
      ], json: byteLevel(splits: true)),
    GGUFPreTokenizer(
      names: ["smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"],
      json: sequence([digits(individually: true), byteLevel(splits: true)])),
    GGUFPreTokenizer(
      names: ["command-r"], json: sequence([digits(individually: true), byteLevel(splits: true)]),
      normalizer: nfc),
    GGUFPreTokenizer(
      names: [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano",
      ], json: splits(SplitPatterns.llama3), ignoresMerges: true, addsBeginning: true),
    GGUFPreTokenizer(
      names: ["dbrx", "smaug-bpe", "chatglm-bpe"], json: splits(SplitPatterns.llama3)),
    GGUFPreTokenizer(
      names: ["glm4", "glm5"], json: splits(SplitPatterns.llama3), ignoresMerges: true),
    GGUFPreTokenizer(names: ["jais-2"], json: splits(SplitPatterns.jais2)),
    GGUFPreTokenizer(
      names: ["minicpm5"], json: splits(#"\p{N}{1,3}"#, SplitPatterns.miniCPM5),
      ignoresMerges: true),
    GGUFPreTokenizer(
      names: ["qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez"],
      json: splits(SplitPatterns.qwen2), normalizer: nfc),
    GGUFPreTokenizer(
      names: ["stablelm2", "hunyuan", "solar-open", "grok-2"], json: splits(SplitPatterns.qwen2)),
    GGUFPreTokenizer(
      names: ["laguna"], json: splits(#"[^\n]+|[\n]+"#, SplitPatterns.qwen2)),
    GGUFPreTokenizer(
      names: ["qwen35"], json: splits(SplitPatterns.qwen35),
      normalizer: nfc),
    GGUFPreTokenizer(names: ["ufakzeka"], json: splits(SplitPatterns.turkish)),
    GGUFPreTokenizer(
      names: ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"],
      json: splits(SplitPatterns.o200k)),
    GGUFPreTokenizer(
      names: ["granite-embed-multi-97m"], json: splits(SplitPatterns.o200k), ignoresMerges: true),
    GGUFPreTokenizer(
      names: ["tiny_aya", "cohere2moe"],
      json: splits(#"\d{1,3}(?=(?:\d{3})*\b)"#, SplitPatterns.o200k)),
    GGUFPreTokenizer(
      names: ["tekken"], json: splits(SplitPatterns.tekken), ignoresMerges: true,
      addsBeginning: true),
    GGUFPreTokenizer(
      names: ["youtu"],
      json: splits(
        #"[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+"#, SplitPatterns.youtu),
      ignoresMerges: true),
    GGUFPreTokenizer(
      names: ["deepseek-llm"],
      json: splits(
        #"[\r\n]"#, SplitPatterns.deepSeekLetters, SplitPatterns.deepSeekPunctuation, #"\s+$"#,
        SplitPatterns.deepSeekCJK, #"\p{N}+"#)),
    GGUFPreTokenizer(
      names: ["deepseek-coder"],
      json: sequence([
        split(#"[\r\n]"#), split(#"\s?\p{L}+"#), split(#"\s?\p{P}+"#),
        split(SplitPatterns.deepSeekCJK), digits(individually: true), byteLevel(splits: false),
      ])),
    GGUFPreTokenizer(
      names: ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
      json: splits(#"\p{N}{1,3}"#, SplitPatterns.cjk, SplitPatterns.deepSeek3)),
    GGUFPreTokenizer(
      names: ["falcon"],
      json: sequence([
        .component("Punctuation", ["behavior": .string("Contiguous")]), byteLevel(splits: true),
        digits(individually: false), split("[0-9][0-9][0-9]"),
      ])),
    GGUFPreTokenizer(
      names: ["bloom", "gpt3-finnish", "poro-chat"], json: splits(SplitPatterns.bloom)),
    GGUFPreTokenizer(
      names: ["viking"],
      json: sequence([
        split(SplitPatterns.bloom), digits(individually: true), byteLevel(splits: false),
      ])),
    GGUFPreTokenizer(
      names: ["superbpe"], json: splits(#"\p{N}+"#, #"(?=(\d{3})+(?!\d))"#)),
    GGUFPreTokenizer(
      names: ["bailingmoe", "bailingmoe2", "llada-moe"], json: splits(SplitPatterns.bailing)),
    GGUFPreTokenizer(names: ["seed-coder"], json: splits(SplitPatterns.seedCoder)),
    GGUFPreTokenizer(names: ["exaone-moe"], json: splits(SplitPatterns.exaoneMoE)),
  ]
}
