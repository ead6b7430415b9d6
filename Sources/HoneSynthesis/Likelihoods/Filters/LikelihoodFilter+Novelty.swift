extension LikelihoodFilter {
  /// How little the model knows the answer without the passage: `-mean log p(a | q)` a token. Under
  /// `log 2` its tokens are likelier than not, and there is nothing to learn.
  package static let novelty = LikelihoodFilter(
    name: "novelty",
    reason: "the model knows the answer already, without the passage",
    needs: [.closedBook], line: .judgedByNone(0.693_147_180_559_945_3)
  ) { measured, _ in measured.closedBook.mean.map { -$0 } }
}
