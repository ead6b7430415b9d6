import HoneFormats
import HoneModels
import HoneTensors

/// The LoRA of a rank that is nearest to an adapter, and what it leaves out.
public struct NearestLoRA {
  /// What one projection's change lost, `‖Δ - B A‖ / ‖Δ‖`.
  public struct Residual: Sendable, Equatable {
    public let path: String
    public let share: Double
  }

  public let adapter: LoRA
  /// Of every projection that the adapter changes.
  public let residuals: [Residual]
  /// The same of all changes together.
  public let residual: Double
}

extension LoRA {
  /// The nearest LoRA of a rank to an adapter of any method that changes matrices alone.
  ///
  /// - Parameter subject: what errors call the adapter: its folder.
  /// - Throws: ``AdapterError`` with all that no LoRA can hold: biases, norms, what cannot be merged.
  public static func nearest(
    to adapter: any TrainableAdapter, rank: Int, of subject: String, model: LanguageModel,
    engine: Engine
  ) throws -> NearestLoRA {
    var faults = adapter.obstacleToMerging.map { ["is \(adapter.methodName): \($0)"] } ?? []
    let vectors = model.spec.vectorNames.filter { name in
      let base = model.decoder.vector(named: name)
      return adapter.vector(base, named: name, in: Pass(engine)).values != base.values
    }
    faults += vectors.map { "\($0): is changed, and a LoRA changes projections alone" }
    guard faults.isEmpty else { throw notALoRA(subject, faults) }
    // The products of a conversion are not rounded to bf16.
    let exact = Engine(sharing: engine, compute: .f32)
    var changes: [(site: Site, change: CombinedChange)] = []
    var residuals: [NearestLoRA.Residual] = []
    var (left, whole) = (0.0, 0.0)
    for site in model.spec.sites {
      let base = MergedProjection(model.decoder.projection(at: site))
      var merged = base
      adapter.merge(into: &merged, at: site)
      if merged.bias != base.bias {
        faults.append("\(site.path): its bias is changed, and a LoRA has none")
      }
      guard faults.isEmpty, merged.weight != base.weight else { continue }
      let thin = (adapter as? any LowRankAdapter)?.lowRankChange(at: site)
      let change =
        thin.map { CombinedChange(summing: [$0], limit: rank) }
        ?? CombinedChange(
          nearestTo: merged.change(from: base, at: site, in: exact), rank: rank, in: exact)
      changes.append((site, change))
      residuals.append(
        .init(
          path: site.path,
          share: change.whole > 0 ? (change.cut / change.whole).squareRoot() : 0))
      left += change.cut
      whole += change.whole
    }
    if changes.isEmpty && faults.isEmpty { faults.append("changes nothing") }
    guard faults.isEmpty else { throw notALoRA(subject, faults) }
    return NearestLoRA(
      adapter: try CombinedLoRA(
        changes.map { ($0.site, $0.change.padded(to: rank)) }, model: model, engine: engine
      ).adapter, residuals: residuals, residual: whole > 0 ? (left / whole).squareRoot() : 0)
  }

  private static func notALoRA(_ subject: String, _ faults: [String]) -> AdapterError {
    AdapterError(
      subject, faults: faults, advice: "no LoRA does the same; use the adapter as it is")
  }
}

/// An adapter whose changes are products of two thin matrices as they stand.
protocol LowRankAdapter: TrainableAdapter {
  /// What is added at a site; nil where nothing is.
  func lowRankChange(at site: Site) -> WeightedChange?
}

extension LoRA: LowRankAdapter {
  func lowRankChange(at site: Site) -> WeightedChange? {
    modules.first { $0.site == site }.map { module in
      WeightedChange(
        weight: Double(module.scale), rank: module.rank, down: module.down.tensor.values,
        up: module.up.tensor.values, label: site.path)
    }
  }
}

extension MergedProjection {
  /// What was added, `outputs x inputs` as a LoRA at the site sees it: a table stands the other way
  /// round.
  fileprivate func change(from base: MergedProjection, at site: Site, in engine: Engine) -> Tensor {
    let isTable = site.kind == .embedding
    let change = engine.tensor(isTable ? [columns, rows] : [rows, columns])
    for index in weight.indices {
      let place = isTable ? index % columns * rows + index / columns : index
      change.pointer[place] = weight[index] - base.weight[index]
    }
    return change
  }
}

extension CombinedChange {
  /// The nearest change of a rank to a matrix.
  ///
  /// Subspace iteration finds its leading directions, with some to spare (Halko et al., "Finding
  /// structure with randomness", 2011); their singular values decide which stay.
  fileprivate init(nearestTo matrix: Tensor, rank limit: Int, in engine: Engine, rounds: Int = 8) {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    let count = min(limit + 8, rows, columns)
    let pass = Pass(engine)
    let source = RandomSource(seed: 1, purpose: "subspace")
    var right = engine.tensor(
      [count, columns], (0..<count * columns).map { Float(source.normal(UInt64($0))) })
    var left = engine.tensor([count, rows])
    for _ in 0..<rounds {
      left = multiplied(right, by: matrix, in: pass)
      left.orthonormaliseRows()
      right = multiplied(left, by: matrix, byColumns: true, in: pass)
    }
    let factors = LowRankFactors(outer: left.rowVectors, inner: right.rowVectors)
    self.init(factors, limit: limit, outputs: rows, inputs: columns)
    // What is left is looked at itself: as a difference of two sums it would be rounding.
    let kept = multiplied(
      engine.tensor([rows, rank], up), by: engine.tensor([rank, columns], down), byColumns: true,
      in: pass)
    (cut, whole) = (0, 0)
    for place in 0..<rows * columns {
      let value = Double(matrix.pointer[place])
      whole += value * value
      cut += (value - Double(kept.pointer[place])) * (value - Double(kept.pointer[place]))
    }
  }
}

extension Tensor {
  fileprivate var rowVectors: [[Double]] {
    let columns = shape.columns
    return (0..<shape[0]).map { row in
      (0..<columns).map { Double(pointer[row * columns + $0]) }
    }
  }

  /// Gram and Schmidt in double, twice each; what depends on the rows before becomes zero.
  fileprivate func orthonormaliseRows() {
    let columns = shape.columns
    var done: [[Double]] = []
    for (row, vector) in rowVectors.enumerated() {
      var rest = vector
      for _ in 0..<2 {
        for other in done {
          var along = 0.0
          for place in rest.indices { along += rest[place] * other[place] }
          for place in rest.indices { rest[place] -= along * other[place] }
        }
      }
      func length(_ vector: [Double]) -> Double {
        vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      }
      let size = length(rest)
      let factor = size > 1e-6 * length(vector) ? 1 / size : 0
      for place in rest.indices {
        rest[place] *= factor
        pointer[row * columns + place] = Float(rest[place])
      }
      done.append(rest)
    }
  }
}
