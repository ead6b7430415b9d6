extension LikelihoodFilter {
  /// How likely the answer is to whom has read the passage and the question:
  /// `mean log p(a | c, q)` a token.
  package static let openBook = LikelihoodFilter(
    name: "open_book",
    reason: "the answer is not what the passage leads a reader to expect after this question",
    needs: [.source], line: .calibrated
  ) { measured, _ in measured.sourceAnswer.mean }
}
