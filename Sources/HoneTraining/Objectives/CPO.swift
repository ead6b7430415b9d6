import HoneAdapters
import HoneFormats

/// Contrastive preference optimisation: DPO's loss with a reference that finds everything as likely,
/// and fine-tuning on the chosen answer.
///
/// `-log σ(β(log π(y_w) - log π(y_l))) - α log π(y_w) / |w|`.
///
/// Xu et al. 2024, https://arxiv.org/abs/2401.08417
package struct CPO: PairLoss {
  package var beta = 0.1
  package var alpha = 1.0

  package init() {}

  package func rewards(_ pair: PairScores) -> (chosen: Double, rejected: Double) {
    (beta * pair.chosen, beta * pair.rejected)
  }

  package func slopes(_ pair: PairScores) -> PairSlopes {
    let margin = beta * (pair.chosen - pair.rejected)
    let slope = -beta * sigmoid(-margin)
    return PairSlopes(
      loss: -logSigmoid(margin) - alpha * pair.chosenMean,
      chosen: slope - alpha / Double(max(1, pair.chosenCount)), rejected: -slope)
  }

  /// What a recipe says under `objective`.
  static let kind = ObjectiveKind(
    name: "cpo",
    summary: "Learns from pairs without a reference, and the chosen answers beside.",
    source: "Xu et al. 2024, https://arxiv.org/abs/2401.08417", rateFactor: 0.25,
    settings: [
      Setting(
        "beta", .number(1e-6...1e3), default: .number(0.1), "How steep the loss is."),
      Setting(
        "alpha", .number(0...1e3), default: .number(1),
        "What the learning of the chosen answer weighs."),
    ],
    data: .pairs { values in
      var cpo = CPO()
      cpo.beta = values.number("beta")
      cpo.alpha = values.number("alpha")
      return cpo
    })
}
