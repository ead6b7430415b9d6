import HoneFormats

/// Who writes what a document does not hold: questions, rewrites, answers.
package protocol Teacher: AnyObject {
  /// Who it is, for the records' provenance.
  var identity: Provenance.Teacher { get }
  /// The most tokens that it reads and writes; nil where it does not tell.
  var contextLength: Int? { get }
  /// Whether its answers are the same whenever they are asked for.
  var isReproducible: Bool { get }

  /// The digest of everything that changes a call's answer.
  func key(of call: TeacherCall) throws -> CallKey

  /// Answers calls, in any order.
  ///
  /// A teacher may refuse a kind of prompt that it cannot read: ``TeacherCall/Prompt/userTurn`` needs
  /// the model's own template, which only a model of this machine shows.
  ///
  /// - Parameter answered: is given each answer with its call's position as soon as it is there.
  /// - Throws: `CancellationError` when the run was interrupted, ``SynthesisError`` for a prompt that it
  ///   refuses; ``key(of:)`` may throw it first.
  func answer(
    _ calls: [TeacherCall], answered: ([(index: Int, answer: TeacherAnswer)]) throws -> Void
  ) async throws
}

/// Who says what a text is about.
package protocol Embedder: AnyObject {
  /// The digest of everything that changes a text's embedding.
  func key(embedding text: String) throws -> CallKey

  /// A text's embedding: the more two of them point the same way, the more two texts are alike.
  ///
  /// - Throws: `CancellationError` when the run was interrupted.
  func embedding(of text: String) throws -> [Float]
}

/// Who says how likely a text is.
package protocol Scorer: AnyObject {
  var identity: Provenance.Teacher { get }

  /// How many tokens a text has.
  func tokenCount(of text: String) -> Int

  /// The digest of everything that changes a call's scores.
  func key(of call: ScoreCall) throws -> CallKey

  /// Scores the scored parts of calls, in any order.
  ///
  /// - Parameter scored: is given the scores of several calls with their positions as they come, a
  ///   list for each scored part.
  /// - Throws: `CancellationError` when the run was interrupted.
  func score(
    _ calls: [ScoreCall], scored: ([(index: Int, scores: [TokenScoreList])]) throws -> Void
  ) throws
}
