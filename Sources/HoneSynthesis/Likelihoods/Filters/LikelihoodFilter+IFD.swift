extension LikelihoodFilter {
  /// How much the question alone helps with the answer: `mean log p(a | q) - mean log p(a)`, the
  /// negative logarithm of the instruction-following difficulty. Under 0 the question misleads.
  ///
  /// Li et al., "From quantity to quality", 2023, and "Superfiltering", 2024.
  package static let ifd = LikelihoodFilter(
    name: "ifd",
    reason: "the answer is likelier without the question than after it",
    needs: [.closedBook, .answerAlone], line: .fixed(0)
  ) { measured, _ in
    guard let with = measured.closedBook.mean, let without = measured.answerAlone.mean else {
      return nil
    }
    return with - without
  }
}
