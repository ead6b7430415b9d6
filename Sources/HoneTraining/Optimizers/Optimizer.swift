import HoneAdapters
import HoneTensors

/// How gradients change parameters.
package protocol Optimizer: AnyObject {
  /// The tensors that it keeps between steps, by names that last.
  var state: [(name: String, tensor: Tensor)] { get }

  /// Changes each parameter in place.
  ///
  /// - Parameters:
  ///   - gradients: filed under the parameters' tensors; a parameter without one stays.
  ///   - scale: what gradients are multiplied by first: the clipping.
  ///   - rate: the learning rate, before each parameter's own factor.
  ///   - step: from 1.
  func update(_ gradients: Gradients, scale: Float, rate: Double, step: Int, in engine: Engine)
}

/// An optimiser that a recipe can name.
package struct OptimizerKind: Sendable {
  package let name: String
  package let summary: String
  package let make: @Sendable ([Parameter], _ weightDecay: Double, Engine) -> any Optimizer
}

package enum Optimizers {
  package static let all: [OptimizerKind] = [
    OptimizerKind(
      name: "adamw", summary: "Adam with decoupled weight decay",
      make: { AdamW($0, weightDecay: $1, engine: $2) }),
    OptimizerKind(
      name: "adafactor", summary: "Adam's adaptation with a factored second moment: little state",
      make: { Adafactor($0, weightDecay: $1, engine: $2) }),
    OptimizerKind(
      name: "sgd", summary: "plain gradient descent: no state",
      make: { SGD($0, weightDecay: $1, engine: $2) }),
  ]

  package static func named(_ name: String) throws -> OptimizerKind {
    if let kind = all.first(where: { $0.name == name }) { return kind }
    throw TrainingError(
      "optimizer \(name)", problem: "is not known",
      advice: "there are \(all.map(\.name).joined(separator: ", "))")
  }
}
