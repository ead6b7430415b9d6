extension LikelihoodFilter {
  /// How well the model's own answer from the passage agrees with the pair's: the F1 of their words.
  ///
  /// Alberti et al., "Synthetic QA corpora generation with roundtrip consistency", 2019.
  package static let roundTrip = LikelihoodFilter(
    name: "round_trip",
    reason: "who answers the question from the passage answers something else",
    needs: [.roundTrip], line: .calibrated
  ) { measured, pair in measured.ownAnswer.map { WordOverlap.f1($0, pair.answer) } }
}
