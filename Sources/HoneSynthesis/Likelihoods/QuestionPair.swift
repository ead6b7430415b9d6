/// A question with its answer, the passage that they were made of, if any, and passages that look
/// like it.
package struct QuestionPair: Equatable, Sendable {
  package var question: String
  package var answer: String
  package var chunk: Chunk?
  /// The passages most like ``chunk``, the likest first.
  package var neighbours: [Chunk]

  package init(question: String, answer: String, chunk: Chunk?, neighbours: [Chunk] = []) {
    self.question = question
    self.answer = answer
    self.chunk = chunk
    self.neighbours = neighbours
  }
}

/// What can be measured of a pair with a model's likelihoods. What filters do not ask for is not
/// computed.
package enum Measure: String, CaseIterable, Sendable {
  /// How likely question and answer are after the passage.
  case source
  /// How likely the answer is after the passage without the question.
  case passageAlone
  /// How likely question and answer are after the passages like it.
  case neighbours
  /// How likely the answer is after the question, without a passage.
  case closedBook
  /// How likely the answer is after nothing.
  case answerAlone
  /// Whether the model says that the answer is right.
  case yesOrNo
  /// What the model answers itself.
  case roundTrip
}

/// What was measured of a pair.
package struct Measurements: Equatable, Sendable {
  package var sourceQuestion = TokenScoreList([])
  package var sourceAnswer = TokenScoreList([])
  package var passageAlone = TokenScoreList([])
  /// The mean of question and answer after each neighbour.
  package var neighbourMeans: [Double] = []
  package var closedBook = TokenScoreList([])
  package var answerAlone = TokenScoreList([])
  /// `log p(Yes) - log p(No)`, less the same without a question and an answer.
  package var yes: Double?
  /// The model's own answer.
  package var ownAnswer: String?

  package init() {}

  /// The mean log-probability of question and answer together, a token.
  static func mean(_ question: TokenScoreList, _ answer: TokenScoreList) -> Double? {
    TokenScoreList(question.values + answer.values).mean
  }
}
