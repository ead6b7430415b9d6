import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors

/// A reward model: the chosen answer's reward should be above the rejected one's (Bradley and Terry).
///
/// `-log σ(r_w - r_l) + c (r_w + r_l)²` with `r` the score head's number at an answer's last token; the
/// second term keeps rewards near zero, which their differences alone leave open.
///
/// Ouyang et al. 2022, https://arxiv.org/abs/2203.02155; the term: Eisenstein et al. 2023,
/// https://arxiv.org/abs/2312.09244
package struct RewardPreference: Objective {
  package typealias Batch = ReferencedPairs

  package var centering = 0.0

  package init() {}

  package func weight(of batch: ReferencedPairs) -> Double { Double(batch.pairs.count) }

  package func tokenCount(of batch: ReferencedPairs) -> Int {
    batch.pairs.reduce(0) { $0 + $1.prompt.count + $1.chosen.count + $1.rejected.count }
  }

  /// The last token of each answer.
  package func trainedTokenCount(of batch: ReferencedPairs) -> Int { 2 * batch.pairs.count }

  package var divergenceLimit: Double { 1e6 }

  package func loss(
    of batch: ReferencedPairs, over weight: Double, decoder: Decoder, adapter: any Adapter,
    in pass: Pass
  ) throws -> ObjectiveLoss {
    guard let model = adapter as? RewardModel else {
      preconditionFailure("a reward without a score head")
    }
    let rewards = Self.rewards(
      of: batch.pairs.map { ($0.prompt, [$0.chosen, $0.rejected]) }, decoder: decoder,
      model: model, in: pass)
    var total = 0.0
    var slopes: [Double] = []
    var sums = [0.0, 0.0, 0.0]
    for index in batch.pairs.indices {
      let chosen = Double(rewards.pointer[2 * index])
      let rejected = Double(rewards.pointer[2 * index + 1])
      let (margin, sum) = (chosen - rejected, chosen + rejected)
      total += -logSigmoid(margin) + centering * sum * sum
      let (push, pull) = (sigmoid(-margin), 2 * centering * sum)
      slopes += [(pull - push) / weight, (pull + push) / weight]
      sums[0] += chosen
      sums[1] += rejected
      sums[2] += chosen > rejected ? 1 : 0
    }
    return ObjectiveLoss(
      total: tangent(of: rewards, value: total / weight, slopes: slopes, in: pass),
      metrics: [
        ("rewards/chosen", sums[0]), ("rewards/rejected", sums[1]),
        ("rewards/margins", sums[0] - sums[1]), ("rewards/accuracies", sums[2]),
      ])
  }

  /// The rewards of answers, `[answers x 1]`; a prompt runs through the network once.
  package static func rewards(
    of items: [(prompt: [Int32], answers: [[Int32]])], decoder: Decoder, model: RewardModel,
    in pass: Pass
  ) -> Tensor {
    var rows: [Int32] = []
    var end = 0
    for (prompt, answers) in items {
      end += prompt.count
      for answer in answers {
        precondition(!answer.isEmpty, "an answer without tokens")
        end += answer.count
        rows.append(Int32(end - 1))
      }
    }
    let batch = TokenBatch(items.map { ($0.prompt, $0.answers) })
    return model.rewards(
      decoder.hiddenStates(batch, adapter: model, in: pass), rows: rows, in: pass)
  }

  /// What a reward model gives the answers of data: two numbers a pair, one an answer with a label.
  ///
  /// - Parameter listener: hears after each row how many are done, and may end it by an error.
  package static func rewards(
    of data: PreferenceData, decoder: Decoder, model: RewardModel, engine: Engine,
    listener: (Int) throws -> Void
  ) throws -> [[Float]] {
    try (0..<data.count).map { index in
      let item: (prompt: [Int32], answers: [[Int32]])
      if data.isPaired {
        let pair = try data.pair(index)
        item = (pair.prompt, [pair.chosen, pair.rejected])
      } else {
        let example = try data.example(index)
        item = (example.prompt, [example.completion])
      }
      let found = rewards(of: [item], decoder: decoder, model: model, in: Pass(engine)).values
      try listener(index + 1)
      return found
    }
  }

  /// What a recipe says under `objective`.
  static let kind = ObjectiveKind(
    name: "reward",
    summary: "Learns from pairs to give answers a number: a reward model.",
    source: "Ouyang et al. 2022, https://arxiv.org/abs/2203.02155", rateFactor: 0.5,
    settings: [
      Setting(
        "center_rewards", .number(0...1e3), default: .number(0),
        "What the square of a pair's summed rewards weighs: 0.01 keeps rewards near zero.")
    ],
    data: .rewards { values in
      var reward = RewardPreference()
      reward.centering = values.number("center_rewards")
      return reward
    })
}
