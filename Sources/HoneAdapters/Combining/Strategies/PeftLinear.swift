extension CombiningStrategy {
  /// Peft's `linear`: `ΔW = (Σ √wᵢ Bᵢ)(Σ √wᵢ Aᵢ)`, which is not the sum of the changes.
  static let peftLinear = CombiningStrategy(
    factorwise: "peft_linear",
    summary: "What peft calls linear: inner and outer matrices are added up apart; not the sum.",
    source: "peft, add_weighted_adapter"
  ) { matrices, weights, _ in
    matrices.sum(weights: weights)
  }
}
