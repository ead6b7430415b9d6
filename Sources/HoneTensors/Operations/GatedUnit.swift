import HoneKernels

/// What stands between the matrices of a feed-forward half.
public enum Activation: String, Sendable, CaseIterable {
  /// `x / (1 + e^-x)`.
  case silu
  /// `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
  case geluTanh = "gelu_tanh"
  /// `x/2 (1 + erf(x / √2))`.
  case gelu
  case relu

  var kernelActivation: hk_activation {
    switch self {
    case .silu: HK_SILU
    case .geluTanh: HK_GELU_TANH
    case .gelu: HK_GELU_ERF
    case .relu: HK_RELU
    }
  }
}

/// `f(gate) · up`: SwiGLU, GeGLU and ReGLU.
///
/// Shazeer, "GLU variants improve transformer", 2020.
package func gatedUnit(
  gate: Tensor, up: Tensor, activation: Activation = .silu, in pass: Pass
) -> Tensor {
  precondition(gate.shape == up.shape, "\(gate.shape) and \(up.shape)")
  let kind = activation.kernelActivation
  let output = activated(kind, gate, up, in: pass)
  guard let keptGate = pass.keep(gate), let keptUp = pass.keep(up) else { return output }
  output.recomputing = { pass in
    activated(kind, keptGate.tensor(in: pass), keptUp.tensor(in: pass), in: pass)
  }
  pass.record("gatedUnit", inputs: [gate, up], outputs: [output]) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let gate = keptGate.tensor(in: pass)
    let up = keptUp.tensor(in: pass)
    let gateGradient = pass.tensor(gate.shape)
    let upGradient = pass.tensor(up.shape)
    pass.pool.run(rows: gate.shape.count, columns: 1) { range in
      let start = range.lowerBound
      hk_activate_backward(
        kind, gate.pointer + start, up.pointer + start, gradient.pointer + start,
        Int64(range.count), gateGradient.pointer + start, upGradient.pointer + start)
    }
    if keptGate.key.needsGradient { gradients.add(gateGradient, to: keptGate.key) }
    if keptUp.key.needsGradient { gradients.add(upGradient, to: keptUp.key) }
  }
  return output
}

private func activated(_ kind: hk_activation, _ gate: Tensor, _ up: Tensor, in pass: Pass) -> Tensor
{
  let output = pass.tensor(gate.shape)
  pass.pool.run(rows: gate.shape.count, columns: 1) { range in
    let start = range.lowerBound
    hk_activate(
      kind, gate.pointer + start, up.pointer + start, Int64(range.count), output.pointer + start)
  }
  return output
}
