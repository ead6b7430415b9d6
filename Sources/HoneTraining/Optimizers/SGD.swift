import HoneAdapters
import HoneKernels
import HoneTensors

/// Gradient descent without momentum: it keeps nothing.
final class SGD: Optimizer {
  private let parameters: [Parameter]
  private let weightDecay: Double

  init(_ parameters: [Parameter], weightDecay: Double, engine: Engine) {
    self.parameters = parameters
    self.weightDecay = weightDecay
  }

  var state: [(name: String, tensor: Tensor)] { [] }

  func update(
    _ gradients: Gradients, scale: Float, rate: Double, step: Int, in engine: Engine
  ) {
    for parameter in parameters {
      guard let gradient = gradients[parameter.tensor] else { continue }
      let rate = Float(rate * Double(parameter.rateFactor))
      let decay = parameter.decays ? rate * Float(weightDecay) : 0
      engine.threads.run(rows: gradient.shape.count, columns: 1) { range in
        let (start, count) = (range.lowerBound, Int64(range.count))
        if decay != 0 { hk_scale(count, 1 - decay, parameter.tensor.pointer + start) }
        hk_axpy(count, -rate * scale, gradient.pointer + start, parameter.tensor.pointer + start)
      }
    }
  }
}
