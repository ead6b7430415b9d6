/// A pre-tokeniser that GGUF files name under `tokenizer.ggml.pre`.
///
/// The names are llama.cpp's; what they stand for is in the models' own `tokenizer.json` files.
struct GGUFPreTokenizer: Sendable {
  let names: [String]
  /// The steps before the bytes are read, and whether GPT-2's pattern splits as well.
  let steps: @Sendable () throws -> [any PreTokenizer]
  var normalizer: (any Normalizer)?
  /// Whether a piece that is a token needs no merging.
  var ignoresMerges = false
  /// Whether a text begins with the token for that when the file does not say.
  var addsBeginning = false

  static func named(_ name: String) -> GGUFPreTokenizer? {
    all.first { $0.names.contains(name) }
  }

  private static func split(_ pattern: String) throws -> any PreTokenizer {
    SplitPreTokenizer(pattern: try TextPattern(pattern), behavior: .isolated)
  }

  private static func splits(_ patterns: String...) -> @Sendable () throws -> [any PreTokenizer] {
    { try patterns.map(split) + [try byteLevel(splits: false)] }
  }

  private static func byteLevel(splits: Bool) throws -> any PreTokenizer {
    try ByteLevelPreTokenizer(addsPrefixSpace: false, splits: splits)
  }

  private static var digits: any PreTokenizer { PreTokenizers.digits(individually: true) }

  static let all: [GGUFPreTokenizer] = [
    GGUFPreTokenizer(
      names: [
        "gpt-2", "phi-2", "mpt", "olmo", "jais", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es",
        "jina-v2-de", "jina-v2-code", "roberta-bpe", "gigachat", "a.x-4.0", "mellum", "modern-bert",
        "exaone4", "trillion", "granite-docling",
      ], steps: { [try byteLevel(splits: true)] }),
    GGUFPreTokenizer(
      names: ["smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"],
      steps: { [digits, try byteLevel(splits: true)] }),
    GGUFPreTokenizer(
      names: ["command-r"], steps: { [digits, try byteLevel(splits: true)] },
      normalizer: UnicodeNormalizer(form: .nfc)),
    GGUFPreTokenizer(
      names: [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano",
      ], steps: splits(SplitPatterns.llama3), ignoresMerges: true, addsBeginning: true),
    GGUFPreTokenizer(
      names: ["dbrx", "smaug-bpe", "chatglm-bpe"], steps: splits(SplitPatterns.llama3)),
    GGUFPreTokenizer(
      names: ["glm4", "glm5"], steps: splits(SplitPatterns.llama3), ignoresMerges: true),
    GGUFPreTokenizer(names: ["jais-2"], steps: splits(SplitPatterns.jais2)),
    GGUFPreTokenizer(
      names: ["minicpm5"], steps: splits(#"\p{N}{1,3}"#, SplitPatterns.miniCPM5),
      ignoresMerges: true),
    GGUFPreTokenizer(
      names: ["qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez"],
      steps: splits(SplitPatterns.qwen2), normalizer: UnicodeNormalizer(form: .nfc)),
    GGUFPreTokenizer(
      names: ["stablelm2", "hunyuan", "solar-open", "grok-2"], steps: splits(SplitPatterns.qwen2)),
    GGUFPreTokenizer(
      names: ["laguna"], steps: splits(#"[^\n]+|[\n]+"#, SplitPatterns.qwen2)),
    GGUFPreTokenizer(
      names: ["qwen35"], steps: splits(SplitPatterns.qwen35),
      normalizer: UnicodeNormalizer(form: .nfc)),
    GGUFPreTokenizer(names: ["ufakzeka"], steps: splits(SplitPatterns.turkish)),
    GGUFPreTokenizer(
      names: ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"],
      steps: splits(SplitPatterns.o200k)),
    GGUFPreTokenizer(
      names: ["granite-embed-multi-97m"], steps: splits(SplitPatterns.o200k), ignoresMerges: true),
    GGUFPreTokenizer(
      names: ["tiny_aya", "cohere2moe"],
      steps: splits(#"\d{1,3}(?=(?:\d{3})*\b)"#, SplitPatterns.o200k)),
    GGUFPreTokenizer(
      names: ["tekken"], steps: splits(SplitPatterns.tekken), ignoresMerges: true,
      addsBeginning: true),
    GGUFPreTokenizer(
      names: ["youtu"],
      steps: splits(
        #"[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+"#, SplitPatterns.youtu),
      ignoresMerges: true),
    GGUFPreTokenizer(
      names: ["deepseek-llm"],
      steps: splits(
        #"[\r\n]"#, SplitPatterns.deepSeekLetters, SplitPatterns.deepSeekPunctuation, #"\s+$"#,
        SplitPatterns.deepSeekCJK, #"\p{N}+"#)),
    GGUFPreTokenizer(
      names: ["deepseek-coder"],
      steps: {
        try [#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, SplitPatterns.deepSeekCJK].map(split)
          + [digits, try byteLevel(splits: false)]
      }),
    GGUFPreTokenizer(
      names: ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
      steps: splits(#"\p{N}{1,3}"#, SplitPatterns.cjk, SplitPatterns.deepSeek3)),
    GGUFPreTokenizer(
      names: ["falcon"],
      steps: {
        [
          SplitPreTokenizer(
            pattern: TextPattern(CharacterSets.bertPunctuation), behavior: .contiguous),
          try byteLevel(splits: true), PreTokenizers.digits(individually: false),
          try split("[0-9][0-9][0-9]"),
        ]
      }),
    GGUFPreTokenizer(
      names: ["bloom", "gpt3-finnish", "poro-chat"], steps: splits(SplitPatterns.bloom)),
    GGUFPreTokenizer(
      names: ["viking"],
      steps: { [try split(SplitPatterns.bloom), digits, try byteLevel(splits: false)] }),
    GGUFPreTokenizer(
      names: ["superbpe"], steps: splits(#"\p{N}+"#, #"(?=(\d{3})+(?!\d))"#)),
    GGUFPreTokenizer(
      names: ["bailingmoe", "bailingmoe2", "llada-moe"], steps: splits(SplitPatterns.bailing)),
    GGUFPreTokenizer(names: ["seed-coder"], steps: splits(SplitPatterns.seedCoder)),
    GGUFPreTokenizer(names: ["exaone-moe"], steps: splits(SplitPatterns.exaoneMoE)),
  ]
}
