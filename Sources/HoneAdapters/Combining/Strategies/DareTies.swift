extension CombiningStrategy {
  /// Numbers are dropped at random as in ``dareLinear``, and signs elected as in ``ties``.
  static let dareTies = CombiningStrategy(
    factorwise: "dare_ties",
    summary: "Numbers dropped at random, then the mean of those that agree about their sign.",
    source: "Yu et al. 2024, https://arxiv.org/abs/2311.03099",
    settings: [TaskMatrix.density, TaskMatrix.majority, TaskMatrix.seed]
  ) { matrices, weights, values in
    matrices.map {
      $0.keepingRandom(values.number("density"), seed: values.integer("seed"))
    }.agreeingMean(weights: weights, byCount: values.text("majority_sign_method") == "frequency")
  }
}
