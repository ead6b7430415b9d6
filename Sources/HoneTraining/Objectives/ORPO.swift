import Foundation
import HoneAdapters
import HoneFormats

/// Odds-ratio preference optimisation: fine-tuning on the chosen answer with a term that makes it
/// likelier than the rejected one; no reference.
///
/// `-l_w - β log σ(log odds(y_w) - log odds(y_l))` with `l` the mean log-probability of an answer's
/// tokens and `log odds = l - log(1 - eˡ)`.
///
/// Hong et al. 2024, https://arxiv.org/abs/2403.07691
package struct ORPO: PairLoss {
  package var beta = 0.1

  package init() {}

  package func rewards(_ pair: PairScores) -> (chosen: Double, rejected: Double) {
    (beta * pair.chosenMean, beta * pair.rejectedMean)
  }

  package func slopes(_ pair: PairScores) -> PairSlopes {
    // A token that is certain has no odds.
    let (w, l) = (min(pair.chosenMean, -1e-9), min(pair.rejectedMean, -1e-9))
    func logOdds(_ mean: Double) -> Double { mean - log(-expm1(mean)) }
    let margin = logOdds(w) - logOdds(l)
    let slope = -beta * sigmoid(-margin)
    let lengths = (Double(max(1, pair.chosenCount)), Double(max(1, pair.rejectedCount)))
    return PairSlopes(
      loss: -w - beta * logSigmoid(margin),
      chosen: (-1 + slope / -expm1(w)) / lengths.0,
      rejected: -slope / -expm1(l) / lengths.1)
  }

  /// What a recipe says under `objective`.
  static let kind = ObjectiveKind(
    name: "orpo",
    summary: "Learns the chosen answers, and to find them likelier than the rejected ones.",
    source: "Hong et al. 2024, https://arxiv.org/abs/2403.07691", rateFactor: 0.5,
    settings: [
      Setting(
        "beta", .number(1e-6...1e3), default: .number(0.1),
        "What the preference weighs beside the learning of the chosen answer.")
    ],
    data: .pairs { values in
      var orpo = ORPO()
      orpo.beta = values.number("beta")
      return orpo
    })
}
