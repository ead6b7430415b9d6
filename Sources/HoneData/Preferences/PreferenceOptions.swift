/// How preferences are read.
package struct PreferenceOptions: Sendable {
  /// The most tokens of a prompt with an answer.
  package var maxTokens = 512
  /// `end` cuts answers, `start` the prompt that they share, `drop` leaves the pair out.
  package var truncation = Truncation.auto
  /// The share of pairs that may be cut or left out: above it, reading the data is an error.
  package var truncationLimit = 0.1
  /// How records are written; nil looks at the first.
  package var format: PreferenceFormat?
  /// The records' own names for columns.
  package var columns: [String: String] = [:]
  /// Whether the two answers of a pair become two examples with a label.
  package var unpairs = false

  package init() {}
}

/// Why a pair, or a single answer, is left out.
package enum PreferenceSkip: String, Sendable, CaseIterable {
  case equalSides = "equal sides"
  case emptySide = "an empty side"
  case noPrompt = "no prompt"
  /// The prompt alone fills all tokens, so nothing of an answer would be left.
  case noRoom = "no room for an answer"
  /// Longer than allowed, where cutting is not asked for or would take the whole prompt.
  case tooLong = "too long"
  /// What tells the sides apart would be cut off.
  case equalOnceCut = "equal once cut"

  /// Whether more tokens would have saved it.
  var isForLength: Bool { self == .noRoom || self == .tooLong || self == .equalOnceCut }
}
