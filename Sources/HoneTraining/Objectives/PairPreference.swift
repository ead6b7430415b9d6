import Foundation
import HoneData
import HoneModels
import HoneTensors

/// Learning from pairs: a loss of each pair's two log-probabilities, and the mean over pairs.
package struct PairPreference: Objective {
  package typealias Batch = ReferencedPairs

  private let pairLoss: any PairLoss

  package init(_ loss: any PairLoss) { pairLoss = loss }

  package func weight(of batch: ReferencedPairs) -> Double { Double(batch.pairs.count) }

  package func tokenCount(of batch: ReferencedPairs) -> Int {
    batch.pairs.reduce(0) { $0 + $1.prompt.count + $1.chosen.count + $1.rejected.count }
  }

  package func trainedTokenCount(of batch: ReferencedPairs) -> Int {
    batch.pairs.reduce(0) { $0 + $1.chosen.count + $1.rejected.count }
  }

  /// Squared losses of a model in its senses may be large; what is not a number is found anyway.
  package var divergenceLimit: Double { 1e6 }

  package func loss(
    of batch: ReferencedPairs, over weight: Double, decoder: Decoder, adapter: any Adapter,
    in pass: Pass
  ) throws -> ObjectiveLoss {
    let pairs = batch.pairs
    let answers = ScoredAnswers(
      pairs.flatMap { [($0.prompt, $0.chosen), ($0.prompt, $0.rejected)] }, statistics: true,
      decoder: decoder, adapter: adapter, in: pass)
    var total = 0.0
    var slopes = [Double](repeating: 0, count: answers.count)
    var metrics = PreferenceMetrics()
    for (index, pair) in pairs.enumerated() {
      let reference = batch.references.isEmpty ? nil : batch.references[index]
      let shared = min(pair.chosen.count, pair.rejected.count)
      let (chosen, rejected) = (answers[2 * index], answers[2 * index + 1])
      let tail = pairLoss.tailWeight
      func sum(_ sums: AnswerSums) -> Double { sums.shared + tail * sums.tail }
      let (w, l) = (chosen.sums(sharing: shared), rejected.sums(sharing: shared))
      let scores = PairScores(
        chosen: sum(w), rejected: sum(l),
        referenceChosen: reference.map { sum($0.chosen) } ?? 0,
        referenceRejected: reference.map { sum($0.rejected) } ?? 0,
        chosenWhole: w.shared + w.tail, chosenCount: pair.chosen.count,
        rejectedCount: pair.rejected.count)
      let factor =
        (pairLoss.weighsByLikelihood ? exp(chosen.alignment + rejected.alignment) : 1)
      let found = pairLoss.slopes(scores) * factor
      total += found.loss
      let scaled = found * (1 / weight)
      for (place, row) in chosen.rows.enumerated() {
        slopes[row] = (place < shared ? 1 : tail) * scaled.chosen + scaled.chosenWhole
      }
      for (place, row) in rejected.rows.enumerated() {
        slopes[row] = (place < shared ? 1 : tail) * scaled.rejected
      }
      let rewards = pairLoss.rewards(scores)
      metrics.add(rewards, logs: (scores.chosen, scores.rejected))
      metrics.entropy += (chosen.entropy + rejected.entropy) / 2
    }
    return ObjectiveLoss(
      total: tangent(of: answers.tokens, value: total / weight, slopes: slopes, in: pass),
      metrics: metrics.sums)
  }
}

/// The numbers that people watch while preferences are learned, by TRL's names; `entropy` is a mean
/// over answers of the mean over their tokens.
private struct PreferenceMetrics {
  var entropy = 0.0
  private var chosen = 0.0
  private var rejected = 0.0
  private var right = 0.0
  private var chosenLogs = 0.0
  private var rejectedLogs = 0.0

  mutating func add(
    _ rewards: (chosen: Double, rejected: Double), logs: (chosen: Double, rejected: Double)
  ) {
    chosen += rewards.chosen
    rejected += rewards.rejected
    right += rewards.chosen > rewards.rejected ? 1 : 0
    chosenLogs += logs.chosen
    rejectedLogs += logs.rejected
  }

  var sums: [(name: String, sum: Double)] {
    [
      ("rewards/chosen", chosen), ("rewards/rejected", rejected),
      ("rewards/margins", chosen - rejected), ("rewards/accuracies", right),
      ("logps/chosen", chosenLogs), ("logps/rejected", rejectedLogs), ("entropy", entropy),
    ]
  }
}
