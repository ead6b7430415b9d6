/// Notices that a run has left every sensible loss behind.
final class Divergence {
  private let limit: Double
  private var inARow = 0

  init(limit: Double) { self.limit = limit }

  /// - Throws: ``TrainingError`` after three steps in a row above the limit.
  func check(_ loss: Double, step: Int) throws {
    inARow = loss > limit ? inARow + 1 : 0
    guard inARow >= 3 else { return }
    throw TrainingError(
      "step \(step)",
      problem: "has a loss of \(loss), worse than guessing, and so had the two before",
      advice: "lower learning_rate; an earlier checkpoint may still be good")
  }
}
