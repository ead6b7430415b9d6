import HoneTensors
import Synchronization

/// Which of a data set's rows each batch of each step has: all once in an epoch, in an order that
/// follows from seed and epoch alone, so that any step's are known without those before it.
struct StepOrder: ~Copyable, Sendable {
  private let count: Int
  private let batchSize: Int
  private let accumulation: Int
  private let shuffles: Bool
  private let seed: UInt64
  private let order = Mutex((epoch: -1, rows: [Int32]()))

  /// - Parameters:
  ///   - count: rows in the data set.
  ///   - batchSize: rows in a batch.
  ///   - accumulation: batches in a step.
  init(count: Int, batchSize: Int, accumulation: Int, shuffles: Bool, seed: UInt64) {
    self.count = count
    self.batchSize = batchSize
    self.accumulation = accumulation
    self.shuffles = shuffles
    self.seed = seed
  }

  var stepsPerEpoch: Int {
    let rowsInStep = batchSize * accumulation
    return (count + rowsInStep - 1) / rowsInStep
  }

  /// The rows of each batch of a step, from 0.
  func batches(step: Int) -> [[Int]] {
    let (epoch, place) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    let rows = rows(ofEpoch: epoch)
    let first = place * batchSize * accumulation
    return stride(
      from: first, to: min(rows.count, first + batchSize * accumulation), by: batchSize
    ).map { start in rows[start..<min(rows.count, start + batchSize)].map { Int($0) } }
  }

  private func rows(ofEpoch epoch: Int) -> [Int32] {
    order.withLock { order in
      if order.epoch != epoch {
        order.epoch = epoch
        order.rows = (0..<Int32(count)).map { $0 }
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
