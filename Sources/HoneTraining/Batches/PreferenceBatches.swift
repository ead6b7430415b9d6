import HoneData

/// Pairs of preferences as a run's steps, shuffled anew for each epoch.
package final class PreferenceBatches: BatchSource {
  private let data: PreferenceData
  private let order: StepOrder

  /// - Parameters:
  ///   - batchSize: pairs in a batch.
  ///   - accumulation: batches in a step.
  /// - Throws: ``HoneData/DataError`` when the data has single answers.
  package init(
    _ data: PreferenceData, batchSize: Int, accumulation: Int = 1, shuffles: Bool, seed: UInt64
  ) throws {
    try data.expectPairs(for: "the objective")
    self.data = data
    order = StepOrder(
      count: data.count, batchSize: batchSize, accumulation: accumulation, shuffles: shuffles,
      seed: seed)
  }

  package var stepsPerEpoch: Int { order.stepsPerEpoch }

  package func batches(step: Int) throws -> [PreferenceBatch] {
    try order.batches(step: step).map { PreferenceBatch(pairs: try $0.map(data.pair)) }
  }
}

/// Answers with labels as a run's steps, shuffled anew for each epoch.
package final class UnpairedBatches: BatchSource {
  private let data: PreferenceData
  private let order: StepOrder

  /// - Parameters:
  ///   - data: single answers; read pairs with `unpairs` to have them.
  ///   - batchSize: answers in a batch.
  ///   - accumulation: batches in a step.
  package init(
    _ data: PreferenceData, batchSize: Int, accumulation: Int = 1, shuffles: Bool, seed: UInt64
  ) {
    self.data = data
    order = StepOrder(
      count: data.count, batchSize: batchSize, accumulation: accumulation, shuffles: shuffles,
      seed: seed)
  }

  package var stepsPerEpoch: Int { order.stepsPerEpoch }

  package func batches(step: Int) throws -> [UnpairedBatch] {
    try order.batches(step: step).map { UnpairedBatch(examples: try $0.map(data.example)) }
  }
}
