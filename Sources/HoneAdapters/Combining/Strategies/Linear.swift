extension CombiningStrategy {
  /// `ΔW = Σ wᵢ ΔWᵢ`, exactly.
  ///
  /// The singular vectors of the sum, which hold it in the smallest rank: that of all adapters
  /// together, or less where they share directions.
  static let linear = CombiningStrategy(
    name: "linear", summary: "The exact sum of the changes, in the smallest rank that holds it.",
    source: "Ilharco et al. 2023, https://arxiv.org/abs/2212.04089"
  ) { changes, _ in
    CombinedChange(summing: changes)
  }
}
