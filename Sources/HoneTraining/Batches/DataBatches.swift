import HoneData
import HoneTensors
import Synchronization

/// A data set's rows as a run's steps, shuffled anew for each epoch.
package final class DataBatches: BatchSource {
  private let data: DataSet
  private let batchSize: Int
  private let accumulation: Int
  private let shuffles: Bool
  private let seed: UInt64
  private let order = Mutex((epoch: -1, rows: [Int32]()))

  /// - Parameters:
  ///   - batchSize: rows in a batch.
  ///   - accumulation: batches in a step.
  package init(
    _ data: DataSet, batchSize: Int, accumulation: Int = 1, shuffles: Bool, seed: UInt64
  ) {
    self.data = data
    self.batchSize = batchSize
    self.accumulation = accumulation
    self.shuffles = shuffles
    self.seed = seed
  }

  package var stepsPerEpoch: Int {
    let rowsInStep = batchSize * accumulation
    return (data.rowCount + rowsInStep - 1) / rowsInStep
  }

  package func batches(step: Int) throws -> [Batch] {
    let (epoch, place) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    let rows = rows(ofEpoch: epoch)
    let first = place * batchSize * accumulation
    return try stride(
      from: first, to: min(rows.count, first + batchSize * accumulation), by: batchSize
    ).map { start in
      Batch(
        rows: try rows[start..<min(rows.count, start + batchSize)].map {
          try data.row(Int($0))
        })
    }
  }

  private func rows(ofEpoch epoch: Int) -> [Int32] {
    order.withLock { order in
      if order.epoch != epoch {
        order.epoch = epoch
        order.rows = (0..<Int32(data.rowCount)).map { $0 }
        if shuffles { order.rows.shuffle(seed: seed, epoch: epoch) }
      }
      return order.rows
    }
  }
}

extension [Int32] {
  /// Fisher and Yates's shuffle with draws that depend on seed, epoch and place alone.
  fileprivate mutating func shuffle(seed: UInt64, epoch: Int) {
    let random = RandomSource(seed: seed, purpose: "order", step: UInt64(epoch))
    for index in indices.dropFirst().reversed() {
      swapAt(index, Int(random.uniform(UInt64(index)) * Double(index + 1)))
    }
  }
}
