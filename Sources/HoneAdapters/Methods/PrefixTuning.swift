import HoneFormats
import HoneModels
import HoneTensors

/// Prefix tuning: keys and values that stand before every sequence's own are trained in each block.
///
/// They are as in a cache, so no position turns them, and a sequence's own positions follow theirs.
/// Without a projection they start from those that the model computes for a text, which makes the
/// untrained adapter that text; with one, all of them are computed from a trained table by
/// `Linear tanh Linear`. A row holds for each block all heads' key and then all heads' value: column
/// `((2 · block + (0 key, 1 value)) · heads + head) · dimension + place`. Li & Liang, "Prefix-tuning:
/// optimizing continuous prompts for generation", 2021; names are peft's (`tuners/prefix_tuning`).
///
/// Checkpoints keep the projection. A folder holds what it gives; an adapter read from a folder goes
/// on training that.
public final class PrefixTuning: TrainableAdapter {
  private enum Rows {
    case projected(PromptEncoder)
    case plain(Parameter)
  }

  private let rows: PrefixTuning.Rows
  public let positionsAhead: Int
  private let settings: [(String, JSONValue)]
  private let spec: DecoderSpec
  private let engine: Engine

  private init(
    _ rows: Rows, count: Int, settings: [(String, JSONValue)], spec: DecoderSpec, engine: Engine
  ) {
    self.rows = rows
    positionsAhead = count
    self.settings = settings
    self.spec = spec
    self.engine = engine
  }

  public var methodName: String { Self.method.name }

  public var readsOutputs: Bool { false }

  public var parameters: [Parameter] {
    switch rows {
    case .projected(let network): network.parameters
    case .plain(let rows): [rows]
    }
  }

  /// All keys and values, `[positions x 2 · blocks · key-value width]`.
  private func flattened(in pass: Pass) -> Tensor {
    switch rows {
    case .plain(let rows): return rows.tensor
    case .projected(let network):
      let inner = network.linear(network["embedding.weight"], "transform.0", in: pass)
      return network.linear(squashed(inner, in: pass), "transform.2", in: pass)
    }
  }

  public func prefixes(in pass: Pass) -> [(keys: Tensor, values: Tensor)] {
    let parts = parted(flattened(in: pass), into: 2 * spec.layerCount, in: pass)
    return (0..<spec.layerCount).map { (parts[2 * $0], parts[2 * $0 + 1]) }
  }

  public var obstacleToMerging: String? { PromptFolder.obstacleToMerging }

  public func folder() throws -> AdapterContents {
    AdapterContents(
      config: PromptFolder.config(
        "PREFIX_TUNING", rows: positionsAhead, heads: spec.keyValueHeadCount,
        width: spec.keyValueWidth, spec: spec, settings),
      entries: [.init(PromptFolder.tensorName, flattened(in: Pass(engine)))])
  }
}

// MARK: - Method

extension PrefixTuning {
  public static let method: AdapterMethod = .init(
    name: "prefix_tuning",
    summary: "Trains keys and values that stand before every sequence in each block.",
    source: "Li & Liang 2021, https://arxiv.org/abs/2101.00190",
    learningRate: 0.015,
    facts: MethodFacts(
      trained: "keys and values before every sequence",
      parameters: "2 · blocks · rows · key-value width", merges: false,
      exchange: [.peft("PREFIX_TUNING"), .adapterHub()]),
    settings: [
      Setting(
        "num_virtual_tokens", .integer(1...65536), default: .integer(32),
        "How many keys and values each block gets; each takes a place of the context."),
      Setting(
        "prefix_projection", .flag, default: .bool(false),
        "Compute them with a small network from a table, as the paper does; it starts at random."),
      Setting(
        "encoder_hidden_size", .integer(1...65536), default: .null,
        "How wide that network is inside; as wide as the model's rows where it is not set."),
      Setting(
        "initialisation", .choice(["text", "random", "zero"]), default: .null,
        """
        What they start as: those of a text, random numbers or zeros; text where there is no \
        projection, else random.
        """),
      Setting(
        "text", .text, default: .string(PromptStart.defaultText), PromptStart.textSummary),
    ],
    changeAtStart: "keys before a sequence take their share of attention, whatever they hold",
    examples: [
      JSONObject([
        ("num_virtual_tokens", .integer(6)), ("prefix_projection", .bool(true)),
        ("encoder_hidden_size", .integer(20)),
      ]),
      JSONObject([("num_virtual_tokens", .integer(7)), ("initialisation", .string("random"))]),
      JSONObject([
        ("num_virtual_tokens", .integer(40)), ("text", .string("The answer is known.")),
      ]),
    ],
    reads: { $0["peft_type"]?.string == "PREFIX_TUNING" },
    make: { values, model, engine, seed in
      try check(model)
      let (spec, count) = (model.spec, values.integer("num_virtual_tokens"))
      let columns = 2 * spec.layerCount * spec.keyValueWidth
      let inner = values.optionalInteger("encoder_hidden_size") ?? spec.hiddenSize
      let isProjected = values.flag("prefix_projection")
      let start = values.optionalText("initialisation") ?? (isProjected ? "random" : "text")
      let rows: PrefixTuning.Rows
      if isProjected {
        guard start != "text" else {
          throw AdapterError(
            method.name, problem: "initialisation: is text, which a projection cannot start from",
            advice: "leave prefix_projection out, or start at random")
        }
        let network = PromptEncoder(engine: engine, seed: seed)
        network.addTable("embedding", rows: count, columns: spec.keyValueWidth)
        network.addLinear("transform.0", inputs: spec.keyValueWidth, outputs: inner)
        network.addLinear(
          "transform.2", inputs: inner, outputs: columns, startsAtZero: start == "zero")
        rows = .projected(network)
      } else {
        let tensor =
          switch start {
          case "text": try PrefixTuning.rows(ofText: values.text("text"), count, model, engine)
          case "zero": engine.zeros([count, columns])
          default:
            engine.normal(
              [count, columns], deviation: 1, seed: seed, purpose: "prefix_tuning rows")
          }
        rows = .plain(Parameter(PromptFolder.tensorName, tensor))
      }
      return PrefixTuning(
        rows, count: count,
        settings: [
          ("encoder_hidden_size", isProjected ? .integer(inner) : .null),
          ("init_weights", start == "zero" ? .string("zero") : .null),
          ("prefix_projection", .bool(isProjected)),
        ], spec: spec, engine: engine)
    },
    load: { reader, model, engine in
      try check(model)
      let spec = model.spec
      let rows = reader.readPrompt(
        heads: spec.keyValueHeadCount, width: spec.keyValueWidth,
        columns: 2 * spec.layerCount * spec.keyValueWidth, spec: spec, engine: engine)
      let settings = [
        reader.keep("encoder_hidden_size", .integer(1...(.max)), default: .null),
        reader.keep("init_weights", .choice(["zero"]), default: .null),
        reader.keep("prefix_projection", .flag, default: .bool(false)),
      ]
      try reader.finish()
      return PrefixTuning(
        .plain(Parameter(PromptFolder.tensorName, rows)), count: rows.shape[0],
        settings: settings, spec: spec, engine: engine)
    })

  /// Refuses a network with blocks that have no keys.
  private static func check(_ model: LanguageModel) throws {
    guard model.spec.convolution == nil else {
      throw AdapterError(
        method.name,
        problem: "blocks of \(model.path) convolve, and have no keys to put any before",
        advice: "take prompt_tuning, whose rows stand before a sequence everywhere")
    }
  }

  /// What the model computes for a text, flattened.
  private static func rows(
    ofText text: String, _ count: Int, _ model: LanguageModel, _ engine: Engine
  ) throws -> Tensor {
    let ids = try model.promptIDs(of: text, count: count, subject: method.name)
    let pass = Pass(engine)
    let blocks = model.decoder.keysAndValues(of: ids, in: pass)
    return beside(blocks.flatMap { [$0.keys, $0.values] }, in: pass)
  }
}
