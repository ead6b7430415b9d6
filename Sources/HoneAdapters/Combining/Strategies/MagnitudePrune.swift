extension CombiningStrategy {
  /// The sum of each adapter's largest numbers.
  static let magnitudePrune = CombiningStrategy(
    factorwise: "magnitude_prune", summary: "The sum of each adapter's largest numbers.",
    source: "peft, add_weighted_adapter", settings: [TaskMatrix.density]
  ) { matrices, weights, values in
    matrices.map { $0.keepingLargest(values.number("density")) }.sum(weights: weights)
  }
}
