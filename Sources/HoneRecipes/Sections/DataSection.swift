import HoneAdapters
import HoneData
import HoneFormats

/// What a recipe says under `data`.
public enum DataSection {
  /// The choice that leaves the format to the first record.
  private static let detected = "auto"

  public static let settings: [Setting] = {
    let defaults = DataOptions()
    return [
      Setting(
        "train", .path, default: .null,
        "What is trained on: a file (.jsonl, .json, .csv, .txt, .md) or a folder of texts."),
      Setting(
        "valid", .path, default: .null,
        "What is held out to measure the loss on; none where there is nothing."),
      Setting(
        "format", .choice([detected] + ExampleFormat.allCases.map(\.rawValue)),
        default: .string(detected), "How a record is laid out; auto looks at the first."),
      Setting(
        "columns", .namesByName, default: .null,
        "Which columns hold what, where they have other names: {prompt: question}."),
      Setting(
        "max_tokens", .integer(2...1_048_576), default: .integer(defaults.maxTokens),
        "The most tokens of an example, and of a row that several share; memory grows with it."),
      Setting(
        "truncation", .choice(Truncation.allCases.map(\.rawValue)),
        default: .string(defaults.truncation.rawValue),
        "What becomes of longer examples: they lose their end or start, are left out, or split."),
      Setting(
        "max_truncated", .number(0...1), default: .number(defaults.truncationLimit),
        "The largest share of examples that may be cut or left out before that is an error."),
      Setting(
        "train_on", .choice(TrainOn.allCases.map(\.rawValue)),
        default: .string(TrainOn.assistant.rawValue),
        "Which tokens are learned: the assistant's turns, its last turn alone, or all."),
      Setting(
        "packing", .flag, default: .bool(defaults.packs),
        "Whether several examples share a row, without seeing each other; faster."),
      Setting(
        "shuffle", .flag, default: .bool(true),
        "Whether the rows come in a new order each epoch; the order follows from the seed."),
    ]
  }()
}

extension Recipe {
  /// How the data is read.
  public var dataOptions: DataOptions {
    var options = DataOptions()
    options.format = ExampleFormat(rawValue: data.text("format"))
    options.columns = Dictionary(
      data.namesByName("columns").map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    options.maxTokens = data.integer("max_tokens")
    options.truncation = Truncation(rawValue: data.text("truncation")) ?? options.truncation
    options.truncationLimit = data.number("max_truncated")
    options.packs = data.flag("packing")
    return options
  }

  /// Which tokens are learned.
  package var trainOn: TrainOn { TrainOn(rawValue: data.text("train_on")) ?? .assistant }

  /// What is trained on.
  public var trainPath: String { data.text("train") }

  /// What is held out; nil where nothing is.
  public var validPath: String? { data.optionalText("valid") }

  /// Whether the rows come in a new order each epoch.
  public var shuffles: Bool { data.flag("shuffle") }
}
