import HoneFormats
import HoneModels
import HoneTensors

/// P-tuning: the rows that stand before every sequence are computed by a small network from a trained
/// table, which ties them to each other and makes them easier to train.
///
/// `rows = S + encoder(E)`. The encoder is `Linear ReLU Linear ReLU Linear`, or a bidirectional memory
/// and `Linear ReLU Linear`; `S` are frozen embeddings of a text or of common tokens, beside which the
/// encoder's last layer starts at zero, or nothing with a random start, as peft has it. Liu et al.,
/// "GPT understands, too", 2021; like peft (`tuners/p_tuning`), all rows stand ahead, where the paper
/// puts them between the words of a template.
///
/// Checkpoints keep the encoder. A folder holds the rows alone, all that the model needs; an adapter
/// read from a folder goes on training those.
public final class PTuning: TrainableAdapter {
  /// The network that computes the rows.
  struct Encoder {
    let network: PromptEncoder
    let start: Tensor?
    let isMemory: Bool
    let layers: Int
    let dropout: Float
  }

  private enum Rows {
    case encoded(Encoder)
    case plain(Parameter)
  }

  private let rows: Rows
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
    case .encoded(let encoder): encoder.network.parameters
    case .plain(let rows): [rows]
    }
  }

  public var state: [(name: String, tensor: Tensor)] {
    var state = parameters.map { (name: $0.name, tensor: $0.tensor) }
    if case .encoded(let encoder) = rows, let start = encoder.start {
      state.append(("start", start))
    }
    return state
  }

  public func virtualTokens(in pass: Pass) -> Tensor? {
    switch rows {
    case .plain(let rows): return rows.tensor
    case .encoded(let encoder):
      let network = encoder.network
      var stream = network["embedding.weight"]
      if encoder.isMemory {
        stream = network.memory(
          stream, "lstm_head", layers: encoder.layers, dropout: encoder.dropout, in: pass)
      } else {
        stream = rectified(network.linear(stream, "mlp_head.0", in: pass), in: pass)
      }
      let (inner, last) = encoder.isMemory ? (0, 2) : (2, 4)
      stream = rectified(network.linear(stream, "mlp_head.\(inner)", in: pass), in: pass)
      stream = network.linear(stream, "mlp_head.\(last)", in: pass)
      return encoder.start.map { added($0, stream, in: pass) } ?? stream
    }
  }

  public var obstacleToMerging: String? { PromptFolder.obstacleToMerging }

  public func folder() throws -> AdapterContents {
    let entries = virtualTokens(in: Pass(engine)).map {
      [AdapterContents.Entry(PromptFolder.tensorName, $0)]
    }
    return AdapterContents(
      config: PromptFolder.config(
        "P_TUNING", rows: positionsAhead, heads: spec.headCount, width: spec.hiddenSize,
        spec: spec, settings),
      entries: entries ?? [])
  }
}

// MARK: - Method

extension PTuning {
  public static let method: AdapterMethod = .init(
    name: "p_tuning",
    summary: "Trains a small network that computes rows to stand before every sequence.",
    source: "Liu et al. 2021, https://arxiv.org/abs/2103.10385",
    learningRate: 0.002,
    facts: MethodFacts(
      trained: "a network that gives rows before every sequence",
      parameters: "rows · hidden size, and the network", merges: false,
      exchange: [.peft("P_TUNING")]),
    settings: [
      Setting(
        "num_virtual_tokens", .integer(1...65536), default: .integer(32),
        "How many rows; each takes a place of the context, and time."),
      Setting(
        "encoder", .choice(["mlp", "lstm"]), default: .string("mlp"),
        "The network: three layers, or a memory through the rows in both directions and two layers."
      ),
      Setting(
        "encoder_hidden_size", .integer(1...65536), default: .null,
        "How wide the network is inside; as wide as the model's rows where it is not set."),
      Setting(
        "encoder_num_layers", .integer(1...64), default: .integer(2),
        "How many layers the memory has; the other network has its three."),
      Setting(
        "encoder_dropout", .number(0...0.99), default: .number(0),
        "The share of what a layer of the memory gives the next that is zeroed in training."),
      Setting(
        "initialisation", .choice(PromptStart.allCases.map(\.rawValue)), default: .string("text"),
        """
        What rows start as: a text's embeddings, those of common tokens, or what the untrained \
        network gives.
        """),
      Setting(
        "text", .text, default: .string(PromptStart.defaultText), PromptStart.textSummary),
    ],
    changeAtStart: "rows before a sequence are seen by all of it, whatever they hold",
    examples: [
      JSONObject([
        ("num_virtual_tokens", .integer(6)), ("encoder", .string("lstm")),
        ("encoder_hidden_size", .integer(48)), ("encoder_dropout", .number(0.1)),
      ]),
      JSONObject([
        ("num_virtual_tokens", .integer(9)), ("encoder_hidden_size", .integer(40)),
        ("initialisation", .string("random")),
      ]),
      JSONObject([
        ("num_virtual_tokens", .integer(4)), ("encoder", .string("lstm")),
        ("encoder_num_layers", .integer(1)), ("initialisation", .string("vocabulary")),
      ]),
    ],
    reads: { $0["peft_type"]?.string == "P_TUNING" },
    make: { values, model, engine, seed in
      let (spec, count) = (model.spec, values.integer("num_virtual_tokens"))
      let width = spec.hiddenSize
      let inner = values.optionalInteger("encoder_hidden_size") ?? width
      let start = PromptStart(rawValue: values.text("initialisation")) ?? .text
      let rows =
        start == .random
        ? nil
        : try start.embeddings(
          count, text: values.text("text"), of: model, engine: engine, seed: seed,
          subject: method.name)
      let (isMemory, layers) = (
        values.text("encoder") == "lstm", values.integer("encoder_num_layers")
      )
      let network = PromptEncoder(engine: engine, seed: seed)
      network.addTable("embedding", rows: count, columns: width)
      if isMemory {
        network.addMemory("lstm_head", inputs: width, width: inner, layers: layers)
        network.addLinear("mlp_head.0", inputs: 2 * inner, outputs: 2 * inner)
        network.addLinear(
          "mlp_head.2", inputs: 2 * inner, outputs: width, startsAtZero: rows != nil)
      } else {
        network.addLinear("mlp_head.0", inputs: width, outputs: inner)
        network.addLinear("mlp_head.2", inputs: inner, outputs: inner)
        network.addLinear("mlp_head.4", inputs: inner, outputs: width, startsAtZero: rows != nil)
      }
      let dropout = values.number("encoder_dropout")
      let encoder = Encoder(
        network: network, start: rows, isMemory: isMemory, layers: layers,
        dropout: Float(dropout))
      return PTuning(
        .encoded(encoder), count: count,
        settings: [
          ("encoder_dropout", .number(dropout)), ("encoder_hidden_size", .integer(inner)),
          ("encoder_num_layers", .integer(layers)),
          ("encoder_reparameterization_type", .string(isMemory ? "LSTM" : "MLP")),
        ], spec: spec, engine: engine)
    },
    load: { reader, model, engine in
      let spec = model.spec
      let rows = reader.readPrompt(
        heads: spec.headCount, width: spec.hiddenSize, columns: spec.hiddenSize, spec: spec,
        engine: engine)
      // What the encoder was like says nothing about the rows that it gave.
      let settings = [
        reader.keep("encoder_dropout", .number(0...1), default: .number(0)),
        reader.keep("encoder_hidden_size", .integer(1...(.max)), default: .null),
        reader.keep("encoder_num_layers", .integer(1...(.max)), default: .integer(2)),
        reader.keep(
          "encoder_reparameterization_type", .choice(["MLP", "LSTM"]), default: .string("MLP")),
      ]
      try reader.finish()
      return PTuning(
        .plain(Parameter(PromptFolder.tensorName, rows)), count: rows.shape[0],
        settings: settings, spec: spec, engine: engine)
    })
}
