import HoneData

/// A data set's rows as a run's steps, shuffled anew for each epoch.
package final class DataBatches: BatchSource {
  private let data: DataSet
  private let order: StepOrder

  /// - Parameters:
  ///   - batchSize: rows in a batch.
  ///   - accumulation: batches in a step.
  package init(
    _ data: DataSet, batchSize: Int, accumulation: Int = 1, shuffles: Bool, seed: UInt64
  ) {
    self.data = data
    order = StepOrder(
      count: data.rowCount, batchSize: batchSize, accumulation: accumulation, shuffles: shuffles,
      seed: seed)
  }

  package var stepsPerEpoch: Int { order.stepsPerEpoch }

  package func batches(step: Int) throws -> [Batch] {
    try order.batches(step: step).map { Batch(rows: try $0.map(data.row)) }
  }
}
