import HoneAdapters
import HoneFormats

/// What a recipe says under `data`.
public enum DataSection {
  public static let settings: [Setting] = [
    Setting(
      "train", .path, default: .null,
      "What is trained on: a file (.jsonl, .json, .csv, .txt) or a folder."),
    Setting(
      "valid", .path, default: .null,
      "What is held out to measure the loss on; none where there is nothing."),
    Setting(
      "format", .choice(["auto", "messages", "prompt_completion", "alpaca", "sharegpt", "text"]),
      default: .string("auto"),
      "How a row is laid out; auto looks at the first rows."),
    Setting(
      "columns", .namesByName, default: .null,
      "Which columns hold what, where they have other names: {prompt: question}."),
    Setting(
      "max_tokens", .integer(2...1_048_576), default: .integer(512),
      "The longest row in tokens; memory grows with it."),
    Setting(
      "truncation", .choice(["end", "start", "drop", "split"]), default: .string("end"),
      "What happens to longer examples: they lose their end or start, are left out, or are split."
    ),
    Setting(
      "max_truncated", .number(0...1), default: .number(0.1),
      "The largest share of examples that may be cut or left out before that is an error."),
    Setting(
      "train_on", .choice(["assistant", "last", "all"]), default: .string("assistant"),
      "Which tokens are learned: the assistant's turns, the last turn alone, or the whole text."),
    Setting(
      "packing", .flag, default: .bool(true),
      "Whether several examples share a row, without seeing each other; faster."),
    Setting(
      "shuffle", .flag, default: .bool(true),
      "Whether the rows come in a new order each epoch; the order follows from the seed."),
  ]
}
