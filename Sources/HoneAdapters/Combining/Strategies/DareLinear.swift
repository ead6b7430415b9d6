extension CombiningStrategy {
  /// Drop and rescale: numbers of each adapter are dropped at random, the others scaled up and added.
  static let dareLinear = CombiningStrategy(
    factorwise: "dare_linear",
    summary: "The sum of the adapters with numbers dropped at random and the others scaled up.",
    source: "Yu et al. 2024, https://arxiv.org/abs/2311.03099",
    settings: [TaskMatrix.density, TaskMatrix.seed]
  ) { matrices, weights, values in
    matrices.map {
      $0.keepingRandom(values.number("density"), seed: values.integer("seed"))
    }.sum(weights: weights)
  }
}
