import HoneFormats
import HoneModels
import HoneTensors

/// Prompt tuning: rows that stand before every sequence's embedded tokens are trained, and nothing
/// else.
///
/// `n · hidden` numbers. Started from the embeddings of a text or of common tokens it learns well;
/// from random numbers badly. Lester et al., "The power of scale for parameter-efficient prompt
/// tuning", 2021. Names are peft's (`tuners/prompt_tuning`); rows stand before the first token of all,
/// whatever it is.
public final class PromptTuning: TrainableAdapter {
  let rows: Parameter
  /// What the folder says of the start.
  private let start: [(String, JSONValue)]
  private let spec: DecoderSpec

  private init(rows: Tensor, start: [(String, JSONValue)], spec: DecoderSpec) {
    self.rows = Parameter(PromptFolder.tensorName, rows)
    self.start = start
    self.spec = spec
  }

  public var methodName: String { Self.method.name }

  public var readsOutputs: Bool { false }

  public var parameters: [Parameter] { [rows] }

  public var positionsAhead: Int { rows.tensor.shape[0] }

  public func virtualTokens(in pass: Pass) -> Tensor? { rows.tensor }

  public var obstacleToMerging: String? { PromptFolder.obstacleToMerging }

  public func folder() throws -> AdapterContents {
    AdapterContents(
      config: PromptFolder.config(
        "PROMPT_TUNING", rows: positionsAhead, heads: spec.headCount, width: spec.hiddenSize,
        spec: spec, start),
      entries: [.init(rows.name, rows.tensor)])
  }
}

// MARK: - Method

extension PromptTuning {
  public static let method: AdapterMethod = .init(
    name: "prompt_tuning",
    summary: "Trains rows that stand before every sequence, as if they were tokens.",
    source: "Lester et al. 2021, https://arxiv.org/abs/2104.08691",
    learningRate: 0.03,
    facts: MethodFacts(
      trained: "rows before every sequence", parameters: "rows · hidden size", merges: false,
      exchange: [.peft("PROMPT_TUNING")]),
    settings: [
      Setting(
        "num_virtual_tokens", .integer(1...65536), default: .integer(32),
        "How many rows; each takes a place of the context, and time."),
      Setting(
        "initialisation", .choice(PromptStart.allCases.map(\.rawValue)), default: .string("text"),
        "What rows start as: a text's embeddings, those of common tokens, or random numbers."),
      Setting(
        "text", .text, default: .string(PromptStart.defaultText), PromptStart.textSummary),
    ],
    changeAtStart: "rows before a sequence are seen by all of it, whatever they hold",
    examples: [
      JSONObject([("num_virtual_tokens", .integer(5)), ("initialisation", .string("vocabulary"))]),
      JSONObject([("num_virtual_tokens", .integer(20)), ("initialisation", .string("random"))]),
      JSONObject([("num_virtual_tokens", .integer(9)), ("text", .string("Answer: "))]),
    ],
    reads: { $0["peft_type"]?.string == "PROMPT_TUNING" },
    make: { values, model, engine, seed in
      let start = PromptStart(rawValue: values.text("initialisation")) ?? .text
      let rows = try start.embeddings(
        values.integer("num_virtual_tokens"), text: values.text("text"), of: model,
        engine: engine, seed: seed, subject: method.name)
      // With any other start, peft asks for a tokenizer before it goes on training.
      return PromptTuning(
        rows: rows,
        start: [
          ("prompt_tuning_init", .string("RANDOM")), ("prompt_tuning_init_text", .null),
          ("tokenizer_kwargs", .null), ("tokenizer_name_or_path", .null),
        ], spec: model.spec)
    },
    load: { reader, model, engine in
      let spec = model.spec
      let rows = reader.readPrompt(
        heads: spec.headCount, width: spec.hiddenSize, columns: spec.hiddenSize, spec: spec,
        engine: engine)
      let start = [
        reader.keep(
          "prompt_tuning_init", .choice(["TEXT", "SAMPLE_VOCAB", "RANDOM"]),
          default: .string("RANDOM")),
        reader.keep("prompt_tuning_init_text", .text, default: .null),
        reader.keepAny("tokenizer_kwargs"),
        reader.keep("tokenizer_name_or_path", .text, default: .null),
      ]
      try reader.finish()
      return PromptTuning(rows: rows, start: start, spec: spec)
    })
}
