import HoneModels
import HoneTensors

/// What training makes smaller.
///
/// A step's loss is `Σ losses / Σ weights` over all of its batches, so it does not depend on how the
/// step is cut into batches.
package protocol Objective<Batch> {
  associatedtype Batch

  /// How much of a batch counts: its trained tokens, or its pairs.
  func weight(of batch: Batch) -> Double

  /// The recorded loss of a batch, one number: the sum of its losses over `weight`, the whole step's.
  func loss(
    of batch: Batch, over weight: Double, decoder: Decoder, adapter: any Adapter, in pass: Pass
  ) throws -> ObjectiveLoss

  /// Tokens that a batch runs through the network.
  func tokenCount(of batch: Batch) -> Int

  /// Tokens of a batch that are learned from.
  func trainedTokenCount(of batch: Batch) -> Int

  /// A loss that no model in its senses has.
  var divergenceLimit: Double { get }
}

/// A batch's part of a step's loss.
package struct ObjectiveLoss {
  /// One number, recorded.
  package var total: Tensor
  /// Sums over the batch, by name; a step shows them over its weight.
  package var metrics: [(name: String, sum: Double)]

  package init(total: Tensor, metrics: [(name: String, sum: Double)] = []) {
    self.total = total
    self.metrics = metrics
  }
}

/// Where a run's batches come from: any step's can be made without those before it, so that a run
/// can go on anywhere.
package protocol BatchSource<Batch> {
  associatedtype Batch

  var stepsPerEpoch: Int { get }

  /// The batches of a step, from 0, in the order in which they are computed.
  func batches(step: Int) throws -> [Batch]
}
