import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors

/// Kahneman-Tversky optimisation: single answers, good or bad, become likelier or less likely than
/// under the reference, each measured against how far the model has moved altogether.
///
/// With `r = log π/π_ref` of an answer and `z` the mean `r` of answers put behind other prompts, at
/// least 0 and without a gradient: `λ_D (1 - σ(β(r - z)))` for a good one, `λ_U (1 - σ(β(z - r)))`
/// for a bad one. The other prompt's answer is the next one of the data set, the same in each epoch.
///
/// Ethayarajh et al. 2024, https://arxiv.org/abs/2402.01306
package struct KTO: Objective {
  package typealias Batch = ReferencedAnswers

  package var beta = 0.1
  package var desirableWeight = 1.0
  package var undesirableWeight = 1.0

  package init() {}

  package func weight(of batch: ReferencedAnswers) -> Double { Double(batch.examples.count) }

  package func tokenCount(of batch: ReferencedAnswers) -> Int {
    zip(batch.examples, batch.mismatched).reduce(0) {
      $0 + 2 * $1.0.prompt.count + $1.0.completion.count + $1.1.count
    }
  }

  package func trainedTokenCount(of batch: ReferencedAnswers) -> Int {
    batch.examples.reduce(0) { $0 + $1.completion.count }
  }

  package let divergenceLimit = 1e6

  /// A loss with its derivative by the answer's log-probability.
  package func slope(
    ratio: Double, isDesirable: Bool, divergence: Double
  ) -> (loss: Double, slope: Double) {
    let x = beta * (ratio - divergence)
    let steepness = beta * sigmoid(x) * sigmoid(-x)
    return isDesirable
      ? (desirableWeight * sigmoid(-x), -desirableWeight * steepness)
      : (undesirableWeight * sigmoid(x), undesirableWeight * steepness)
  }

  package func loss(
    of batch: ReferencedAnswers, over weight: Double, decoder: Decoder, adapter: any Adapter,
    in pass: Pass
  ) throws -> ObjectiveLoss {
    // How far the model has moved is looked at without a gradient.
    let others = ScoredAnswers(
      zip(batch.examples, batch.mismatched).map { ($0.prompt, $1) }, statistics: false,
      decoder: decoder, adapter: adapter, in: Pass(pass.engine))
    let answers = ScoredAnswers(
      batch.examples.map { ($0.prompt, $0.completion) }, statistics: true, decoder: decoder,
      adapter: adapter, in: pass)
    func sum(_ answer: ScoredAnswers.Answer) -> Double {
      answer.logProbabilities.reduce(0.0) { $0 + Double($1) }
    }
    var divergence = 0.0
    for index in batch.examples.indices {
      divergence +=
        sum(others[index]) - (batch.references.isEmpty ? 0 : batch.references[index].other)
    }
    divergence = max(0, divergence / Double(max(1, batch.examples.count)))

    var total = 0.0
    var slopes = [Double](repeating: 0, count: answers.count)
    var (rewards, logs, counts) = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    var (entropy, right) = (0.0, 0.0)
    for (index, example) in batch.examples.enumerated() {
      let log = sum(answers[index])
      let ratio = log - (batch.references.isEmpty ? 0 : batch.references[index].own)
      let found = slope(ratio: ratio, isDesirable: example.isDesirable, divergence: divergence)
      total += found.loss
      for row in answers[index].rows { slopes[row] = found.slope / weight }
      entropy += answers[index].entropy
      if example.isDesirable {
        rewards.0 += beta * ratio
        logs.0 += log
        counts.0 += 1
      } else {
        rewards.1 += beta * ratio
        logs.1 += log
        counts.1 += 1
      }
      // Which side of the point of reference it lies on.
      right += (ratio > divergence) == example.isDesirable && ratio != divergence ? 1 : 0
    }
    // Means over the good and the bad ones, each weighed so that a step shows a mean.
    let size = Double(batch.examples.count)
    func mean(_ sum: Double, _ count: Double) -> Double { count > 0 ? sum / count * size : 0 }
    return ObjectiveLoss(
      total: tangent(of: answers.tokens, value: total / weight, slopes: slopes, in: pass),
      metrics: [
        ("rewards/chosen", mean(rewards.0, counts.0)),
        ("rewards/rejected", mean(rewards.1, counts.1)),
        ("rewards/margins", mean(rewards.0, counts.0) - mean(rewards.1, counts.1)),
        ("rewards/accuracies", right), ("logps/chosen", mean(logs.0, counts.0)),
        ("logps/rejected", mean(logs.1, counts.1)), ("kl", divergence * size),
        ("entropy", entropy),
      ])
  }

  /// What a recipe says under `objective`.
  static let kind = ObjectiveKind(
    name: "kto",
    summary: "Learns from single answers that are good or bad, measured against a reference.",
    source: "Ethayarajh et al. 2024, https://arxiv.org/abs/2402.01306", rateFactor: 0.25,
    settings: [
      Setting(
        "beta", .number(1e-6...1e3), default: .number(0.1),
        "How close the model stays to its reference: larger is closer."),
      Setting(
        "desirable_weight", .number(0...1e3), default: .number(1), "What a good answer weighs."),
      Setting(
        "undesirable_weight", .number(0...1e3), default: .number(1), "What a bad answer weighs."),
      ReferenceScores.setting,
    ],
    data: .answers { values in
      var kto = KTO()
      kto.beta = values.number("beta")
      kto.desirableWeight = values.number("desirable_weight")
      kto.undesirableWeight = values.number("undesirable_weight")
      return kto
    })
}
