import HoneFormats

/// The keys of a recipe of synthesis, section by section.
package enum SynthesisSettings {
  /// The keys of the first level besides the sections.
  package static let top: [Setting] = [
    Setting(
      "pipeline", .choice(SynthesisPipelines.all.map { $0.name }), default: .null,
      "What is made: one of the pipelines of `hone recipes`."),
    Setting(
      "documents", .paths, default: .null,
      "Files and folders that are read: text, Markdown, HTML, CSV, JSONL, PDF, DOCX."),
    Setting(
      "examples", .paths, default: .null,
      "Example tasks (.jsonl) that new ones are made after: instruction and output, prompt and "
        + "completion, or messages."),
    Setting(
      "schema", .path, default: .null,
      "A JSON Schema (.json) of the records that `extraction` makes."),
    Setting(
      "output", .path, default: .null,
      "The run's folder; runs/ and the recipe's name where it is not set."),
    Setting(
      "seed", .integer(0...Int.max), default: .integer(7),
      "Decides all that is random: the same seed gives the same files, byte for byte."),
  ]

  /// The sections with their keys.
  package static let sections: [(name: String, settings: [Setting])] = [
    ("teacher", teacher), ("reader", reader), ("ingest", ingest), ("chunks", chunks),
    ("hold_out", holdOut), ("samplers", samplers), ("filters", filters),
    ("duplicates", duplicates), ("target", target),
  ]

  static let teacher: [Setting] = [
    Setting(
      "model", .text, default: .string("smollm2-135m"),
      "The model that writes: one of this machine or, with url, of the endpoint."),
    Setting(
      "url", .text, default: .null,
      "An endpoint that speaks OpenAI's protocol, such as http://localhost:8080/v1; on another machine "
        + "it needs --allow-remote."),
    Setting(
      "prompting", .choice(["completion", "chat"]), default: .string("completion"),
      "Whether the teacher goes on with examples, which small models do better, or is asked in a "
        + "conversation."),
    Setting(
      "temperature", .number(0...4), default: .number(0.8),
      "How freely it writes; 0 takes the likeliest token."),
    Setting(
      "top_p", .number(0.01...1), default: .number(0.95),
      "The share of likeliest tokens that it chooses from."),
    Setting(
      "max_tokens", .integer(8...4096), default: .integer(64), "The longest answer in tokens."),
    Setting(
      "compute", .choice(["auto", "f32", "bf16"]), default: .string("auto"),
      "The numbers inside matrix products; auto takes the fastest that the machine has."),
  ]

  static let reader: [Setting] = [
    Setting(
      "model", .text, default: .null,
      "The model of this machine that judges by likelihoods; the teacher where it is not set, unless that "
        + "is an endpoint's.")
  ]

  static let ingest: [Setting] = [
    Setting(
      "personal_data", .choice(["keep", "mask", "pseudonymise", "drop"]),
      default: .string("keep"),
      "What becomes of mail addresses, telephone, card and account numbers: a mask in their place, a mask "
        + "that is the same for the same one (by the key in HONE_PSEUDONYM_KEY), or their paragraph is "
        + "left out.")
  ]

  static let chunks: [Setting] = [
    Setting("tokens", .integer(16...32_768), default: .integer(400), "The longest passage."),
    Setting(
      "overlap", .integer(0...16_384), default: .integer(48),
      "What a passage may repeat of the one before, in whole sentences."),
  ]

  static let holdOut: [Setting] = [
    Setting(
      "documents", .number(0...0.9), default: .number(0),
      "The share of documents that no training data comes from."),
    Setting(
      "chunks", .number(0...0.9), default: .number(0),
      "The share of the other documents' passages that no training data comes from."),
  ]

  static let samplers = Sampler.allCases.map {
    Setting($0.rawValue, .names, default: .null, $0.summary)
  }

  static let filters: [Setting] = [
    Setting(
      "hard", .names, default: .string("all"),
      "Checks of the text alone: all, none, or a list of their names."),
    Setting(
      "toxic_words", .paths, default: .null,
      "Word lists of your own for `toxicity`, beside the built-in one: a word or phrase a line and, after "
        + "a tab, how surely it is toxic, from 0 to 1."),
    Setting(
      "likelihood", .names,
      default: .array(
        ["open_book", "grounding", "source_rank", "question_gain", "round_trip", "ifd"].map {
          .string($0)
        }),
      "Checks by a model's likelihoods: all, none, or a list of their names."),
    Setting(
      "false_accept_rate", .number(0...1), default: .number(0.1),
      "The share of false controls that each of them may let pass; lines follow from it."),
    Setting(
      "controls", .integer(8...4096), default: .integer(48),
      "How many pairs of the documents the lines are found on."),
    Setting(
      "neighbours", .integer(1...16), default: .integer(2),
      "How many passages that look like the source it is told from."),
    Setting(
      "thresholds", .numbersByName, default: .null,
      "Lines that you draw yourself, by the filters' names: {round_trip: 0.5}."),
  ]

  static let duplicates: [Setting] = [
    Setting(
      "similarity", .number(0.1...1), default: .number(0.7),
      "Two requests this much alike are one: the share of their word sequences in common."),
    Setting(
      "paraphrases", .number(0...0.5), default: .null,
      "Requests that ask the same in other words are one, by the reader's embeddings, at a line that "
        + "costs this share of different ones, such as 0.05."),
    Setting(
      "passages", .number(0.1...1), default: .number(0.8), allowsNone: true,
      "Of two passages this much alike the later one is left out, before any is held out."),
    Setting(
      "against", .paths, default: .null,
      "Exams and benchmarks (.jsonl) whose questions nothing accepted may repeat."),
  ]

  static let target: [Setting] = [
    Setting("accepted", .integer(1...10_000_000), default: .integer(200), "How many are wanted."),
    Setting(
      "budget", .integer(1...100_000_000), default: .null,
      "The most candidates that are made; twenty for each that is wanted where it is not set."),
    Setting(
      "on_exhausted", .choice(["partial", "fail"]), default: .string("partial"),
      "What fewer than wanted are: a result all the same, or a failure."),
    Setting(
      "per_chunk", .integer(1...10_000), default: .null,
      "The most that are accepted of one passage; an even share and a half where it is not set."),
  ]
}
