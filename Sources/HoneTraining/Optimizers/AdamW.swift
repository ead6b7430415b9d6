import HoneAdapters
import HoneKernels
import HoneTensors

/// AdamW as `torch.optim.AdamW` computes it, with state in f32.
///
/// Loshchilov & Hutter, "Decoupled weight decay regularization", 2019.
final class AdamW: Optimizer {
  private let parameters: [Parameter]
  private let moments: [(first: Tensor, second: Tensor)]
  private let weightDecay: Double
  private let beta1 = 0.9
  private let beta2 = 0.999
  private let epsilon = 1e-8

  init(_ parameters: [Parameter], weightDecay: Double, engine: Engine) {
    self.parameters = parameters
    self.weightDecay = weightDecay
    moments = parameters.map { (engine.zeros($0.tensor.shape), engine.zeros($0.tensor.shape)) }
  }

  var state: [(name: String, tensor: Tensor)] {
    zip(parameters, moments).flatMap { parameter, moments in
      [
        ("\(parameter.name).first_moment", moments.first),
        ("\(parameter.name).second_moment", moments.second),
      ]
    }
  }

  func update(
    _ gradients: Gradients, scale: Float, rate: Double, step: Int, in engine: Engine
  ) {
    for (parameter, moments) in zip(parameters, moments) {
      guard let gradient = gradients[parameter.tensor] else { continue }
      var settings = hk_adamw(
        rate: Float(rate * Double(parameter.rateFactor)), beta1: Float(beta1),
        beta2: Float(beta2), epsilon: Float(epsilon),
        weight_decay: parameter.decays ? Float(weightDecay) : 0,
        correction1: Float(1 - power(beta1, step)), correction2: Float(1 - power(beta2, step)))
      engine.threads.run(rows: gradient.shape.count, columns: 1) { range in
        let (start, count) = (range.lowerBound, Int64(range.count))
        if scale != 1 { hk_scale(count, scale, gradient.pointer + start) }
        withUnsafePointer(to: &settings) {
          hk_adamw_step(
            $0, gradient.pointer + start, count, parameter.tensor.pointer + start,
            moments.first.pointer + start, moments.second.pointer + start)
        }
      }
    }
  }
}

/// `base` to the `exponent`, by repeated squaring: the same bits on every system.
func power(_ base: Double, _ exponent: Int) -> Double {
  var (result, square, rest) = (1.0, base, exponent)
  while rest > 0 {
    if rest & 1 == 1 { result *= square }
    square *= square
    rest >>= 1
  }
  return result
}
