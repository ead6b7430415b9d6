import Foundation
import HoneFormats
import HoneModels
import HoneTensors

/// Bottleneck adapters: two small matrices with a non-linearity between them, after or beside the
/// halves of each block.
///
/// With `g(z) = s (U f(D z + d) + u)`, the output `h` of a half and the residual stream `x`:
///
/// - sequential, `h + g(h + x)` after the feed-forward half (Pfeiffer et al., "AdapterFusion", 2021)
/// - double, `h + g(h)` after both halves (Houlsby et al., "Parameter-efficient transfer learning for
///   NLP", 2019)
/// - parallel, `h + g(x)` beside the feed-forward half (He et al., "Towards a unified view of
///   parameter-efficient transfer learning", 2022)
///
/// Maths, names and shapes are those of AdapterHub's `adapters` for decoders that normalise before
/// each half; `U` and `u` are zero at the start, so nothing is changed yet.
public final class Bottleneck: TrainableAdapter {
  /// The matrices after or beside one half of a block.
  struct Module {
    let sublayer: Sublayer
    let layer: Int
    let down: Parameter
    let downBias: Parameter
    let up: Parameter
    let upBias: Parameter
    /// `[1]` or a number for each column, where it is trained.
    let scaling: Parameter?

    var parameters: [Parameter] {
      [downBias, down, upBias, up] + (scaling.map { [$0] } ?? [])
    }
  }

  private struct Place: Hashable {
    let sublayer: Sublayer
    let layer: Int
  }

  let options: BottleneckOptions
  let modules: [Module]
  private let byPlace: [Place: Module]
  private let ones: Tensor

  /// - Parameter numbers: given a tensor's name in the adapter's file, its shape and how wide its
  ///   input is where it is the inner matrix.
  init(
    _ options: BottleneckOptions, model: LanguageModel, engine: Engine, subject: String,
    numbers: (_ name: String, _ shape: Shape, _ isInner: Bool) -> Tensor
  ) throws {
    let spec = model.spec
    let hidden = spec.hiddenSize
    let wrong = options.leftOut.filter { $0 >= spec.layerCount }
    guard wrong.isEmpty else {
      throw AdapterError(
        subject,
        faults: wrong.map {
          "leave_out: there is no layer \($0), the last is \(spec.layerCount - 1)"
        })
    }
    self.options = options
    modules = (0..<spec.layerCount).filter { !options.leftOut.contains($0) }.flatMap { layer in
      options.sublayers.map { sublayer in
        let place = sublayer == .attention ? "attention_adapters" : "output_adapters"
        let path = "\(spec.names.block(layer))\(place).adapters.\(options.name)"
        let width = max(1, Int((Double(hidden) / options.reduction(layer: layer)).rounded(.down)))
        func parameter(_ name: String, _ shape: Shape, inner: Bool = false) -> Parameter {
          Parameter(
            "\(path).\(name)", numbers("\(path).\(name)", shape, inner),
            decays: shape.axes.count == 2)
        }
        let scaling: Parameter? =
          switch options.scaling {
          case .fixed: nil
          case .learned: parameter("scaling", [1])
          case .channel: parameter("scaling", [hidden])
          }
        return Module(
          sublayer: sublayer, layer: layer,
          down: parameter("adapter_down.0.weight", [width, hidden], inner: true),
          downBias: parameter("adapter_down.0.bias", [width]),
          up: parameter("adapter_up.weight", [hidden, width]),
          upBias: parameter("adapter_up.bias", [hidden]), scaling: scaling)
      }
    }
    byPlace = Dictionary(
      uniqueKeysWithValues: modules.map { (Place(sublayer: $0.sublayer, layer: $0.layer), $0) })
    ones = engine.tensor([hidden, 1], repeatElement(1, count: hidden))
  }

  public var methodName: String { Self.method.name }

  public var parameters: [Parameter] { modules.flatMap(\.parameters) }

  public var obstacleToMerging: String? {
    "a non-linearity stands between its matrices, which no matrix of the base can compute"
  }

  public func transform(
    _ output: Tensor, after sublayer: Sublayer, layer: Int, residual: Tensor, in pass: Pass
  ) -> Tensor {
    guard let module = byPlace[Place(sublayer: sublayer, layer: layer)] else { return output }
    let input =
      switch options.input {
      case .output: output
      case .sum: added(output, residual, in: pass)
      case .residual: residual
      }
    let inner = activated(
      added(
        module.downBias.tensor,
        toRowsOf: multiplied(input, by: module.down.tensor, in: pass), in: pass),
      by: options.activation, in: pass)
    var change = added(
      module.upBias.tensor, toRowsOf: multiplied(inner, by: module.up.tensor, in: pass), in: pass)
    switch (options.scaling, module.scaling) {
    case (.learned, let factor?):
      // One number for all columns, spread out by a product.
      let row = multiplied(factor.tensor.reshaped([1, 1]), by: ones, in: pass)
      change = weighted(change, by: row, in: pass)
    case (.channel, let factors?): change = weighted(change, by: factors.tensor, in: pass)
    case (.fixed(let factor), _) where factor != 1:
      change = scaled(change, by: Float(factor), in: pass)
    default: break
    }
    if options.dropout > 0 {
      change = dropped(
        change, probability: Float(options.dropout),
        place: layer * 2 + (sublayer == .attention ? 0 : 1), in: pass)
    }
    return added(output, change, in: pass)
  }
}

/// What shapes a bottleneck adapter, whether a recipe or an adapter's folder says it.
struct BottleneckOptions {
  /// What the inner matrix sees.
  enum Input { case output, sum, residual }

  enum Scaling: Equatable {
    case fixed(Double)
    /// One trained number, or one for each column.
    case learned, channel
  }

  /// AdapterHub's names of non-linearities, which are those of transformers.
  static let activations: [(name: String, activation: Activation)] = [
    ("relu", .relu), ("swish", .silu), ("silu", .silu), ("gelu", .gelu), ("gelu_new", .geluTanh),
    ("gelu_pytorch_tanh", .geluTanh),
  ]

  /// Which halves, in the order of AdapterHub's names.
  var sublayers: [Sublayer]
  var input: Input
  /// `reduction_factor` as it is written: a number, or a mapping from layers to numbers.
  var reduction: JSONValue
  var activationName: String
  var scaling: Scaling
  var dropout: Double
  var leftOut: [Int]
  /// The adapter's name, which is in the name of each of its tensors.
  var name = "default"
  /// How a folder says the matrices started; it says nothing about what they are.
  var start = "mam_adapter"
  var startSeed: JSONValue = .null
  /// What a folder says of the model.
  var modelClass = "LlamaForCausalLM"
  var modelType = "llama"
  var version = BottleneckOptions.currentVersion

  static let currentVersion = "adapters.1.3.0"

  var activation: Activation {
    Self.activations.first { $0.name == activationName }?.activation ?? .relu
  }

  func reduction(layer: Int) -> Double {
    if let number = reduction.double { return number }
    let factors = reduction.object
    return (factors?[String(layer)] ?? factors?["default"])?.double ?? 16
  }
}

// MARK: - Method

extension Bottleneck {
  public static let method = AdapterMethod(
    name: "bottleneck",
    summary:
      "Trains two small matrices with a non-linearity between them, after the halves of blocks.",
    source: "Houlsby et al. 2019, https://arxiv.org/abs/1902.00751",
    learningRate: 0.001,
    facts: MethodFacts(
      trained: "two thin matrices with a non-linearity after the halves of blocks",
      parameters: "2 · hidden size² / reduction a half", merges: false,
      exchange: [.adapterHub()]),
    settings: [
      Setting(
        "placement", .choice(["sequential", "double", "parallel"]),
        default: .string("sequential"),
        """
        Where: after the feed-forward half (Pfeiffer), after both halves (Houlsby), or beside the \
        feed-forward half (He).
        """),
      Setting(
        "reduction_factor", .number(0.01...1_000_000), default: .null,
        "How many times narrower the inside is than the stream; 16, and 2 for parallel."),
      Setting(
        "non_linearity", .choice(BottleneckOptions.activations.map(\.name)), default: .null,
        "What stands between the matrices; relu, and swish for double."),
      Setting(
        "scaling", .number(-1000...1000), default: .null,
        "What the change is multiplied by; 1, and 4 for parallel."),
      Setting(
        "scaling_trained", .choice(["no", "whole", "channels"]), default: .string("no"),
        "Whether that is trained, from 1 on: one number, or one for each column."),
      Setting(
        "dropout", .number(0...0.99), default: .number(0),
        "The share of the change that is zeroed while training."),
      Setting(
        "leave_out", .integers, default: .null, "Blocks without an adapter, from 0."),
    ],
    examples: [
      JSONObject([
        ("placement", .string("double")), ("reduction_factor", .number(8)),
        ("non_linearity", .string("gelu")), ("scaling_trained", .string("channels")),
      ]),
      JSONObject([
        ("placement", .string("parallel")), ("scaling_trained", .string("whole")),
        ("leave_out", .array([.integer(0)])),
      ]),
      JSONObject([("placement", .string("parallel")), ("dropout", .number(0.1))]),
    ],
    reads: { config in
      config["peft_type"] == nil && config["config"]?.object?["reduction_factor"] != nil
    },
    make: { values, model, engine, seed in
      try Bottleneck(
        BottleneckOptions(values), model: model, engine: engine, subject: "bottleneck"
      ) { name, shape, isInner in
        if name.hasSuffix(".scaling") {
          return engine.tensor(shape, repeatElement(1, count: shape.count))
        }
        guard isInner else { return engine.zeros(shape) }
        let source = RandomSource(seed: seed, purpose: "bottleneck \(name)")
        let bound = 1 / Double(shape.columns).squareRoot()
        return engine.tensor(
          shape,
          (0..<shape.count).map { Float((2 * source.uniform(UInt64($0)) - 1) * bound) })
      }
    },
    load: { reader, model, engine in
      try Bottleneck(reading: reader, model: model, engine: engine)
    })
}

extension BottleneckOptions {
  init(_ values: SettingValues) {
    let placement = values.text("placement")
    let isParallel = placement == "parallel"
    sublayers = placement == "double" ? [.attention, .feedForward] : [.feedForward]
    input =
      switch placement {
      case "parallel": .residual
      case "double": .output
      default: .sum
      }
    reduction = .whole(values.optionalNumber("reduction_factor") ?? (isParallel ? 2 : 16))
    activationName =
      values.optionalText("non_linearity") ?? (placement == "double" ? "swish" : "relu")
    scaling =
      switch values.text("scaling_trained") {
      case "whole": .learned
      case "channels": .channel
      default: .fixed(values.optionalNumber("scaling") ?? (isParallel ? 4 : 1))
      }
    dropout = values.number("dropout")
    leftOut = values.integers("leave_out") ?? []
  }
}
