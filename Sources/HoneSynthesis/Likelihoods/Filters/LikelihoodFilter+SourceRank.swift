extension LikelihoodFilter {
  /// By how much the passage explains question and answer better than the passages most like it
  /// do: `mean log p(q, a | c) - max over c' of mean log p(q, a | c')` a token.
  ///
  /// After unsupervised passage re-ranking: Sachan et al., "Improving passage retrieval with
  /// zero-shot question generation", 2022.
  package static let sourceRank = LikelihoodFilter(
    name: "source_rank",
    reason: "another passage explains the pair as well, so the question is too general",
    needs: [.source, .neighbours], line: .calibrated
  ) { measured, _ in
    guard let best = measured.neighbourMeans.max(),
      let own = Measurements.mean(measured.sourceQuestion, measured.sourceAnswer)
    else { return nil }
    return own - best
  }
}
