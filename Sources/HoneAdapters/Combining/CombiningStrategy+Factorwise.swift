import HoneFormats
import HoneTensors

extension CombiningStrategy {
  /// A strategy that treats inner and outer matrices as if they were two parameters of their own, as
  /// peft does: each with the root of the weight, whose sign goes to the inner.
  ///
  /// The product of two combined matrices is not the combination of the products: `(Σ √wᵢ Bᵢ)(Σ √wᵢ
  /// Aᵢ)` has terms that no adapter has. But the rank stays (`add_weighted_adapter` in peft's
  /// `tuners/lora/model.py`).
  ///
  /// - Parameter combine: given all adapters' matrices of one kind and their weights.
  init(
    factorwise name: String, summary: String, source: String, settings: [Setting] = [],
    combine:
      @escaping @Sendable (
        _ matrices: [TaskMatrix], _ weights: [Float], SettingValues
      ) -> [Float]
  ) {
    self.init(
      name: name, summary: summary, source: source, settings: settings, needsEqualRanks: true
    ) { changes, values in
      let roots = changes.map { Float(abs($0.weight).squareRoot()) }
      let signed = zip(changes, roots).map { $0.weight < 0 ? -$1 : $1 }
      return CombinedChange(
        rank: changes[0].rank,
        down: combine(
          changes.map { TaskMatrix(values: $0.down, label: "\($0.label) A") }, signed, values),
        up: combine(
          changes.map { TaskMatrix(values: $0.up, label: "\($0.label) B") }, roots, values))
    }
  }
}

/// What one adapter has in the place of a matrix.
struct TaskMatrix {
  var values: [Float]
  /// What tells its random numbers from those of the others.
  let label: String
}

extension [TaskMatrix] {
  /// `Σ wᵢ Mᵢ`.
  func sum(weights: [Float]) -> [Float] {
    var sum = [Float](repeating: 0, count: first?.values.count ?? 0)
    for (matrix, weight) in zip(self, weights) {
      for place in sum.indices { sum[place] += weight * matrix.values[place] }
    }
    return sum
  }

  /// The mean, at each place, of the weighted numbers whose sign is that of the majority.
  ///
  /// - Parameter byCount: whether signs are counted; else the numbers themselves decide, by their
  ///   sum. None, or as many of both, is positive.
  func agreeingMean(weights: [Float], byCount: Bool) -> [Float] {
    (0..<(first?.values.count ?? 0)).map { place in
      let votes = reduce(Float(0)) { sum, matrix in
        let value = matrix.values[place]
        return sum + (byCount ? (value > 0 ? 1 : value < 0 ? -1 : 0) : value)
      }
      var (sum, count): (Float, Float) = (0, 0)
      for (matrix, weight) in zip(self, weights) {
        let value = matrix.values[place]
        guard votes >= 0 ? value > 0 : value < 0 else { continue }
        sum += weight * value
        count += 1
      }
      return sum / Swift.max(count, 1)
    }
  }
}
