import Foundation
import HoneAdapters
import HoneFormats

/// Direct preference optimisation: the chosen answer becomes likelier, the rejected one less likely,
/// both measured against a frozen reference.
///
/// Rafailov et al. 2023, https://arxiv.org/abs/2305.18290
package struct DPO: PairLoss {
  /// The losses of the family. In their formulas `c` and `r` are `log π / π_ref` of the chosen and
  /// the rejected answer, `Δ = c - r`, `|w|` and `|l|` the answers' tokens, `ε` the smoothing.
  package enum Loss: String, CaseIterable, Sendable {
    /// `-(1 - ε) log σ(βΔ) - ε log σ(-βΔ)`: DPO, and cDPO with a smoothing.
    /// Rafailov et al. 2023, https://arxiv.org/abs/2305.18290
    case sigmoid
    /// `max(0, 1 - βΔ)`. Zhao et al. 2023 (SLiC), https://arxiv.org/abs/2305.10425
    case hinge
    /// `(c/|w| - r/|l| - 1/2β)²`, a token as its authors mean it.
    /// Azar et al. 2023, https://arxiv.org/abs/2310.12036
    case ipo
    /// `(-(1 - ε) log σ(βΔ) + ε log σ(-βΔ)) / (1 - 2ε)`.
    /// Chowdhury et al. 2024, https://arxiv.org/abs/2403.00409
    case robust
    /// `σ(βΔ) log(σ(βΔ) / (1 - ε)) + σ(-βΔ) log(σ(-βΔ) / ε)`, ε above 0.
    /// Ji et al. 2024 (EXO), https://arxiv.org/abs/2402.00856
    case exoPair = "exo_pair"
    /// `-log σ(βc) - ½ log σ(-βc) - ½ log σ(-βr)`.
    /// Chen et al. 2024 (NCA), https://arxiv.org/abs/2402.05369
    case ncaPair = "nca_pair"
    /// `-log σ(βc) - log σ(-βr)`. Jung et al. 2024 (BCO), https://arxiv.org/abs/2404.04656
    case bcoPair = "bco_pair"
    /// `(c - 1/2β)² + (r + 1/2β)²`. Wu et al. 2024 (SPPO), https://arxiv.org/abs/2405.00675
    case sppoHard = "sppo_hard"
    /// `1 - σ(βc) + σ(βr)`. D'Oosterlinck et al. 2024, https://arxiv.org/abs/2408.06266
    case apoZero = "apo_zero"
    /// `σ(βc) + 1 - σ(βΔ)`. D'Oosterlinck et al. 2024, https://arxiv.org/abs/2408.06266
    case apoDown = "apo_down"
    /// `(1 - m)(-log σ(βΔ)) + m e^(-βΔ)` with `m = σ(βΔ / τ)`.
    /// Lu et al. 2024 (DiscoPOP), https://arxiv.org/abs/2406.08414
    case discopop
    /// `-log σ(β(c/|w| - r/|l|))`.
    case sigmoidNorm = "sigmoid_norm"
    /// `-log π(y_w) / |w|`, the cross-entropy of the chosen answer a token: beside another, RPO.
    /// Pang et al. 2024, https://arxiv.org/abs/2404.19733
    case sft
  }

  package var losses: [(loss: Loss, weight: Double)] = [(.sigmoid, 1)]
  package var beta = 0.1
  package var labelSmoothing = 0.0
  package var tau = 0.05
  package var tailWeight = 1.0
  package var weighsByLikelihood = false

  package init() {}

  package func rewards(_ pair: PairScores) -> (chosen: Double, rejected: Double) {
    (beta * pair.chosenRatio, beta * pair.rejectedRatio)
  }

  package func slopes(_ pair: PairScores) -> PairSlopes {
    losses.reduce(PairSlopes(loss: 0, chosen: 0, rejected: 0)) {
      $0 + slopes(of: $1.loss, pair) * $1.weight
    }
  }

  private func slopes(of loss: Loss, _ pair: PairScores) -> PairSlopes {
    let (c, r) = (beta * pair.chosenRatio, beta * pair.rejectedRatio)
    let lengths = (Double(max(1, pair.chosenCount)), Double(max(1, pair.rejectedCount)))
    let m = c - r
    /// From the derivative by `m`.
    func ofMargin(_ loss: Double, _ slope: Double) -> PairSlopes {
      PairSlopes(loss: loss, chosen: beta * slope, rejected: -beta * slope)
    }
    /// From the derivatives by `βc` and `βr`.
    func ofSides(_ loss: Double, _ chosen: Double, _ rejected: Double) -> PairSlopes {
      PairSlopes(loss: loss, chosen: beta * chosen, rejected: beta * rejected)
    }
    func steepness(_ x: Double) -> Double { sigmoid(x) * sigmoid(-x) }
    switch loss {
    case .sigmoid:
      return ofMargin(
        -(1 - labelSmoothing) * logSigmoid(m) - labelSmoothing * logSigmoid(-m),
        -(1 - labelSmoothing) * sigmoid(-m) + labelSmoothing * sigmoid(m))
    case .hinge:
      return ofMargin(max(0, 1 - m), m < 1 ? -1 : 0)
    case .ipo:
      let error =
        pair.chosenRatio / lengths.0 - pair.rejectedRatio / lengths.1 - 1 / (2 * beta)
      return PairSlopes(
        loss: error * error, chosen: 2 * error / lengths.0, rejected: -2 * error / lengths.1)
    case .robust:
      let scale = 1 / (1 - 2 * labelSmoothing)
      return ofMargin(
        (-(1 - labelSmoothing) * logSigmoid(m) + labelSmoothing * logSigmoid(-m)) * scale,
        (-(1 - labelSmoothing) * sigmoid(-m) - labelSmoothing * sigmoid(m)) * scale)
    case .exoPair:
      let odds = (log(1 - labelSmoothing), log(labelSmoothing))
      let q = (sigmoid(m), sigmoid(-m))
      return ofMargin(
        q.0 * (logSigmoid(m) - odds.0) + q.1 * (logSigmoid(-m) - odds.1),
        q.0 * q.1 * (m - odds.0 + odds.1))
    case .ncaPair:
      return ofSides(
        -logSigmoid(c) - 0.5 * logSigmoid(-c) - 0.5 * logSigmoid(-r),
        -sigmoid(-c) + 0.5 * sigmoid(c), 0.5 * sigmoid(r))
    case .bcoPair:
      return ofSides(-logSigmoid(c) - logSigmoid(-r), -sigmoid(-c), sigmoid(r))
    case .sppoHard:
      let errors = (pair.chosenRatio - 0.5 / beta, pair.rejectedRatio + 0.5 / beta)
      return PairSlopes(
        loss: errors.0 * errors.0 + errors.1 * errors.1, chosen: 2 * errors.0,
        rejected: 2 * errors.1)
    case .apoZero:
      return ofSides(sigmoid(-c) + sigmoid(r), -steepness(c), steepness(r))
    case .apoDown:
      return ofSides(
        sigmoid(c) + sigmoid(-m), steepness(c) - steepness(m), steepness(m))
    case .discopop:
      let (share, rest) = (sigmoid(m / tau), sigmoid(-m / tau))
      let logistic = -logSigmoid(m)
      // One exponential: the share vanishes where e⁻ᵐ is beyond all numbers.
      let exponential = exp(logSigmoid(m / tau) - m)
      return ofMargin(
        rest * logistic + exponential,
        -rest * sigmoid(-m) - exponential + rest / tau * (exponential - share * logistic))
    case .sigmoidNorm:
      let margin = beta * (pair.chosenRatio / lengths.0 - pair.rejectedRatio / lengths.1)
      let slope = -sigmoid(-margin) * beta
      return PairSlopes(
        loss: -logSigmoid(margin), chosen: slope / lengths.0, rejected: -slope / lengths.1)
    case .sft:
      return PairSlopes(
        loss: -pair.chosenWhole / lengths.0, chosen: 0, rejected: 0, chosenWhole: -1 / lengths.0)
    }
  }
}

extension DPO {
  /// What a recipe says under `objective`.
  static let kind = ObjectiveKind(
    name: "dpo",
    summary: "Learns from pairs which answer is preferred, measured against a frozen reference.",
    source: "Rafailov et al. 2023, https://arxiv.org/abs/2305.18290",
    rateFactor: 0.25,
    settings: [
      Setting(
        "beta", .number(1e-6...1e3), default: .number(0.1),
        "How close the model stays to its reference: larger is closer."),
      Setting(
        "loss", .names, default: .string("sigmoid"),
        "The loss, or a list to mix: \(Loss.allCases.map(\.rawValue).joined(separator: ", "))."),
      Setting(
        "loss_weights", .numbersByName, default: .null,
        "What losses of a mixture weigh, 1 where not named: {sft: 0.5}."),
      Setting(
        "label_smoothing", .number(0...0.499), default: .number(0),
        "The share of pairs that are believed to be the wrong way round; for sigmoid, robust, exo_pair."
      ),
      Setting(
        "discopop_tau", .number(1e-3...1e3), default: .number(0.05),
        "How sharply discopop changes from one of its losses to the other."),
      Setting(
        "ld_alpha", .number(0...1), default: .number(1),
        "What tokens weigh that an answer is longer by than the other; 1 for as much as all."),
      Setting(
        "use_weighting", .flag, default: .bool(false),
        "Whether pairs weigh as much as the model is likely to write them (WPO)."),
      ReferenceScores.setting,
    ],
    data: .pairs { values in
      var dpo = DPO()
      dpo.beta = values.number("beta")
      dpo.labelSmoothing = values.number("label_smoothing")
      dpo.tau = values.number("discopop_tau")
      dpo.tailWeight = values.number("ld_alpha")
      dpo.weighsByLikelihood = values.flag("use_weighting")
      var weights = values.numbersByName("loss_weights")
      dpo.losses = try (values.names("loss")?.all ?? ["sigmoid"]).map { name in
        guard let loss = Loss(rawValue: name) else {
          let names = Loss.allCases.map(\.rawValue)
          throw TrainingError(
            "objective.dpo.loss", problem: "has \(FormatError.quoted(name)), which is no loss",
            advice: name.nearest(in: names).map { "did you mean \($0)?" }
              ?? "there are \(names.joined(separator: ", "))")
        }
        let index = weights.firstIndex { $0.name == name }
        return (loss, index.map { weights.remove(at: $0).value } ?? 1)
      }
      if let name = weights.first?.name {
        throw TrainingError(
          "objective.dpo.loss_weights",
          problem: "has \(FormatError.quoted(name)), which is not among the losses",
          advice: "add it to loss")
      }
      if dpo.labelSmoothing == 0, dpo.losses.contains(where: { $0.loss == .exoPair }) {
        throw TrainingError(
          "objective.dpo.label_smoothing", problem: "is 0, which exo_pair has no value for",
          advice: "set 0.001 or more")
      }
      return dpo
    })
}
