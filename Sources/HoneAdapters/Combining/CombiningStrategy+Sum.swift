import HoneTensors

extension CombinedChange {
  /// The sum of changes as singular values and vectors: `B = U Σ`, `A = Vᵀ`.
  ///
  /// - Parameter limit: how many values are kept, at most.
  init(summing changes: [WeightedChange], limit: Int = .max) {
    let (outer, inner) = Self.stacked(changes)
    let factors = LowRankFactors(outer: outer, inner: inner)
    let kept = min(limit, factors.values.count)
    let (inputs, outputs) = (changes[0].inputs, changes[0].outputs)
    // Where nothing is left, one direction of zeros is.
    rank = max(1, kept)
    down = [Float](repeating: 0, count: rank * inputs)
    up = [Float](repeating: 0, count: outputs * rank)
    for index in 0..<kept {
      for column in 0..<inputs {
        down[index * inputs + column] = Float(factors.right[index][column])
      }
      for row in 0..<outputs {
        up[row * rank + index] = Float(factors.values[index] * factors.left[index][row])
      }
    }
    whole = factors.squaredNorm
    cut = factors.values.dropFirst(kept).reduce(0) { $0 + $1 * $1 }
  }

  /// All columns of the outer matrices with their weights, and all rows of the inner ones.
  private static func stacked(_ changes: [WeightedChange]) -> ([[Double]], [[Double]]) {
    var (outer, inner): ([[Double]], [[Double]]) = ([], [])
    for change in changes {
      for index in 0..<change.rank {
        outer.append(
          (0..<change.outputs).map { change.weight * Double(change.up[$0 * change.rank + index]) })
        inner.append((0..<change.inputs).map { Double(change.down[index * change.inputs + $0]) })
      }
    }
    return (outer, inner)
  }
}
