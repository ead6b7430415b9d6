extension LikelihoodFilter {
  /// How much the passage helps with the answer's least supported token:
  /// `min over t of log p(t | c, q) - log p(t | q)`.
  ///
  /// One wrong name in a fluent answer hardly changes its mean, but it is the worst token.
  package static let grounding = LikelihoodFilter(
    name: "grounding",
    reason: "a part of the answer becomes less likely, not more, when the passage is read",
    needs: [.source, .closedBook], line: .calibrated
  ) { measured, _ in
    let (open, closed) = (measured.sourceAnswer.values, measured.closedBook.values)
    guard open.count == closed.count else { return nil }
    return zip(open, closed).map { Double($0) - Double($1) }.min()
  }
}
