extension CombiningStrategy {
  /// Trim, elect sign, merge: of each adapter the largest numbers, and at each place the mean of those
  /// that agree with the majority.
  static let ties = CombiningStrategy(
    factorwise: "ties",
    summary: "The mean of each adapter's largest numbers that agree about their sign.",
    source: "Yadav et al. 2023, https://arxiv.org/abs/2306.01708",
    settings: [TaskMatrix.density, TaskMatrix.majority]
  ) { matrices, weights, values in
    matrices.map { $0.keepingLargest(values.number("density")) }
      .agreeingMean(
        weights: weights, byCount: values.text("majority_sign_method") == "frequency")
  }
}
