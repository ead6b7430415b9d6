extension LikelihoodFilter {
  /// How much the question helps who has read the passage with the answer:
  /// `mean log p(a | c, q) - mean log p(a | c)` a token.
  package static let questionGain = LikelihoodFilter(
    name: "question_gain",
    reason: "the question does not point to this answer among all that the passage says",
    needs: [.source, .passageAlone], line: .calibrated
  ) { measured, _ in
    guard let with = measured.sourceAnswer.mean, let without = measured.passageAlone.mean else {
      return nil
    }
    return with - without
  }
}
