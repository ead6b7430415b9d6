extension LikelihoodFilter {
  /// How much likelier the model says yes than no when asked whether the passage says so, less what
  /// it says of an empty question: `log p(Yes) - log p(No)`, calibrated.
  ///
  /// Zhao et al., "Calibrate before use", 2021.
  package static let yesOrNo = LikelihoodFilter(
    name: "yes_or_no",
    reason: "asked whether the passage says so, the model says no",
    needs: [.yesOrNo], line: .calibrated
  ) { measured, _ in measured.yes }
}
