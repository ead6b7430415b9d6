import HoneAdapters
import HoneFormats

/// Simple preference optimisation: the chosen answer becomes likelier a token than the rejected one
/// by a margin; no reference.
///
/// `-log σ(β(l_w - l_l) - γ)` with `l` the mean log-probability of an answer's tokens.
///
/// Meng et al. 2024, https://arxiv.org/abs/2405.14734
package struct SimPO: PairLoss {
  package var beta = 2.0
  package var gamma = 0.5

  package init() {}

  package func rewards(_ pair: PairScores) -> (chosen: Double, rejected: Double) {
    (beta * pair.chosenMean, beta * pair.rejectedMean)
  }

  package func slopes(_ pair: PairScores) -> PairSlopes {
    let margin = beta * (pair.chosenMean - pair.rejectedMean) - gamma
    let slope = -beta * sigmoid(-margin)
    return PairSlopes(
      loss: -logSigmoid(margin), chosen: slope / Double(max(1, pair.chosenCount)),
      rejected: -slope / Double(max(1, pair.rejectedCount)))
  }

  /// What a recipe says under `objective`.
  static let kind = ObjectiveKind(
    name: "simpo",
    summary: "Learns from pairs to find the chosen answer likelier a token, without a reference.",
    source: "Meng et al. 2024, https://arxiv.org/abs/2405.14734", rateFactor: 0.25,
    settings: [
      Setting(
        "beta", .number(1e-6...1e3), default: .number(2),
        "How steep the loss is; its paper finds 2 to 10 best."),
      Setting(
        "gamma", .number(0...1e3), default: .number(0.5),
        "By how much the chosen answer's reward should be above the other's."),
    ],
    data: .pairs { values in
      var simpo = SimPO()
      simpo.beta = values.number("beta")
      simpo.gamma = values.number("gamma")
      return simpo
    })
}
