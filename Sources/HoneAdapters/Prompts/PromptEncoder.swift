import HoneTensors

/// Small networks that compute what stands before a sequence, under PyTorch's names.
final class PromptEncoder {
  private(set) var parameters: [Parameter] = []
  private var byName: [String: Tensor] = [:]
  private let engine: Engine
  private let seed: UInt64

  init(engine: Engine, seed: UInt64) {
    self.engine = engine
    self.seed = seed
  }

  subscript(name: String) -> Tensor {
    guard let tensor = byName[name] else { preconditionFailure("there is no \(name)") }
    return tensor
  }

  /// Adds a parameter; biases and what encoders begin with are not pulled towards zero.
  func add(_ name: String, _ tensor: Tensor, decays: Bool = true) {
    parameters.append(Parameter(name, tensor, decays: decays))
    byName[name] = tensor
  }

  /// Adds a table of normal random numbers, PyTorch's `Embedding`.
  func addTable(_ name: String, rows: Int, columns: Int) {
    add(
      "\(name).weight",
      engine.normal([rows, columns], deviation: 1, seed: seed, purpose: "encoder \(name)"),
      decays: false)
  }

  /// Adds a layer that starts uniform up to `1 / √inputs`, PyTorch's `Linear`, or as zeros.
  func addLinear(_ name: String, inputs: Int, outputs: Int, startsAtZero: Bool = false) {
    addUniform("\(name).weight", [outputs, inputs], width: inputs, isZero: startsAtZero)
    addUniform("\(name).bias", [outputs], width: inputs, isZero: startsAtZero)
  }

  /// Adds a bidirectional memory, PyTorch's `LSTM`.
  func addMemory(_ name: String, inputs: Int, width: Int, layers: Int) {
    for layer in 0..<layers {
      let depth = layer == 0 ? inputs : 2 * width
      for suffix in Self.directions(layer) {
        addUniform("\(name).weight_ih_\(suffix)", [4 * width, depth], width: width)
        addUniform("\(name).weight_hh_\(suffix)", [4 * width, width], width: width)
        addUniform("\(name).bias_ih_\(suffix)", [4 * width], width: width)
        addUniform("\(name).bias_hh_\(suffix)", [4 * width], width: width)
      }
    }
  }

  private static func directions(_ layer: Int) -> [String] { ["l\(layer)", "l\(layer)_reverse"] }

  private func addUniform(_ name: String, _ shape: Shape, width: Int, isZero: Bool = false) {
    let bound = isZero ? 0 : 1 / Double(width).squareRoot()
    let tensor = engine.uniform(shape, bound: bound, seed: seed, purpose: "encoder \(name)")
    add(name, tensor, decays: shape.axes.count > 1)
  }

  // MARK: Computing

  func linear(_ input: Tensor, _ name: String, in pass: Pass) -> Tensor {
    added(
      self["\(name).bias"],
      toRowsOf: multiplied(input, by: self["\(name).weight"], in: pass), in: pass)
  }

  /// Each row with what is remembered of the rows before and after it, `[rows x 2 · width]`.
  ///
  /// - Parameter dropout: the share of what one layer gives the next that is zeroed in training.
  func memory(
    _ input: Tensor, _ name: String, layers: Int, dropout: Float, in pass: Pass
  ) -> Tensor {
    var stream = input
    for layer in 0..<layers {
      if layer > 0 { stream = dropped(stream, probability: dropout, place: layer, in: pass) }
      let below = stream
      let ways = Self.directions(layer).enumerated().map { way, suffix in
        let own = multiplied(below, by: self["\(name).weight_ih_\(suffix)"], in: pass)
        let biased = added(self["\(name).bias_ih_\(suffix)"], toRowsOf: own, in: pass)
        let gates = added(self["\(name).bias_hh_\(suffix)"], toRowsOf: biased, in: pass)
        return recurred(
          gates, through: self["\(name).weight_hh_\(suffix)"], reversed: way == 1, in: pass)
      }
      stream = beside(ways, in: pass)
    }
    return stream
  }
}
