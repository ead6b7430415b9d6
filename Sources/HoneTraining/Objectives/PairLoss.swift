import Foundation

/// What a pair's loss is made of: log-probabilities of its answers, summed over their tokens.
package struct PairScores: Sendable, Equatable {
  /// `Σ log π(y_w | x)`, tokens beyond the shorter answer's length weighed down where that is asked.
  package var chosen: Double
  package var rejected: Double
  /// The same of the reference; 0 without one.
  package var referenceChosen = 0.0
  package var referenceRejected = 0.0
  /// `Σ log π(y_w | x)` with every token weighing the same.
  package var chosenWhole: Double
  package var chosenCount: Int
  package var rejectedCount: Int

  package init(
    chosen: Double, rejected: Double, referenceChosen: Double = 0, referenceRejected: Double = 0,
    chosenWhole: Double? = nil, chosenCount: Int, rejectedCount: Int
  ) {
    self.chosen = chosen
    self.rejected = rejected
    self.referenceChosen = referenceChosen
    self.referenceRejected = referenceRejected
    self.chosenWhole = chosenWhole ?? chosen
    self.chosenCount = chosenCount
    self.rejectedCount = rejectedCount
  }

  /// `log π / π_ref` of each answer.
  package var chosenRatio: Double { chosen - referenceChosen }
  package var rejectedRatio: Double { rejected - referenceRejected }
  /// Log-probabilities a token.
  package var chosenMean: Double { chosen / Double(max(1, chosenCount)) }
  package var rejectedMean: Double { rejected / Double(max(1, rejectedCount)) }
}

/// A loss with its derivatives by ``PairScores``' `chosen`, `rejected` and `chosenWhole`.
package struct PairSlopes: Sendable, Equatable {
  package var loss: Double
  package var chosen: Double
  package var rejected: Double
  package var chosenWhole = 0.0

  static func + (one: PairSlopes, two: PairSlopes) -> PairSlopes {
    PairSlopes(
      loss: one.loss + two.loss, chosen: one.chosen + two.chosen,
      rejected: one.rejected + two.rejected, chosenWhole: one.chosenWhole + two.chosenWhole)
  }

  static func * (slopes: PairSlopes, factor: Double) -> PairSlopes {
    PairSlopes(
      loss: slopes.loss * factor, chosen: slopes.chosen * factor,
      rejected: slopes.rejected * factor, chosenWhole: slopes.chosenWhole * factor)
  }
}

/// How much worse a pair is than it should be.
package protocol PairLoss: Sendable {
  func slopes(_ pair: PairScores) -> PairSlopes

  /// What the policy makes of each answer, in the loss's own measure.
  func rewards(_ pair: PairScores) -> (chosen: Double, rejected: Double)

  /// What the tokens of an answer beyond the other's length weigh (LD-DPO); 1 for all the same.
  var tailWeight: Double { get }

  /// Whether pairs weigh as much as the policy is likely to write them (WPO).
  var weighsByLikelihood: Bool { get }
}

extension PairLoss {
  package var tailWeight: Double { 1 }
  package var weighsByLikelihood: Bool { false }
}

/// `1 / (1 + e⁻ˣ)`.
func sigmoid(_ x: Double) -> Double {
  x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
}

/// `log(1 / (1 + e⁻ˣ))`.
func logSigmoid(_ x: Double) -> Double { min(x, 0) - log1p(exp(-abs(x))) }
