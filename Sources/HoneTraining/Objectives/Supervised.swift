import Foundation
import HoneData
import HoneModels
import HoneTensors

/// Supervised fine-tuning: the cross-entropy of the trained tokens, each weighing the same.
package struct Supervised: Objective {
  package let divergenceLimit: Double

  /// - Parameter vocabularySize: of the model; guessing costs its logarithm.
  package init(vocabularySize: Int) {
    divergenceLimit = log(Double(vocabularySize)) + 3
  }

  package func weight(of batch: Batch) -> Double { Double(batch.trainedTokenCount) }
  package func tokenCount(of batch: Batch) -> Int { batch.tokenCount }
  package func trainedTokenCount(of batch: Batch) -> Int { batch.trainedTokenCount }

  package func loss(
    of batch: Batch, over weight: Double, decoder: Decoder, adapter: any Adapter, in pass: Pass
  ) throws -> ObjectiveLoss {
    let sequences = batch.rows.flatMap(\.sequences)
    var rows: [Int32] = []
    var targets: [Int32] = []
    var start = 0
    for sequence in sequences {
      for index in sequence.ids.indices.dropFirst() where sequence.trained[index] {
        rows.append(Int32(start + index - 1))
        targets.append(sequence.ids[index])
      }
      start += sequence.ids.count
    }
    let hidden = decoder.hiddenStates(
      TokenBatch(sequences.map(\.ids)), adapter: adapter, in: pass)
    let losses = decoder.crossEntropy(
      hidden, rows: rows, targets: targets, weight: Float(1 / weight), adapter: adapter, in: pass)
    return ObjectiveLoss(total: losses.total)
  }

  /// What a recipe says under `objective`, or nothing.
  static let kind = ObjectiveKind(
    name: "sft", summary: "Learns to write the texts of the data.", source: "", rateFactor: 1,
    settings: [], data: .texts)
}
