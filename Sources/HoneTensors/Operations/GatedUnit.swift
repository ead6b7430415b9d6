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
  let (rowCount, columns) = (gate.shape.rows, gate.shape.columns)
  let output = pass.tensor(gate.shape)
  let keptGate = pass.keepByRows(gate)
  let keptUp = pass.keepByRows(up)
  pass.pool.run(rows: rowCount, columns: columns) { rows in
    let start = rows.lowerBound * columns
    keptGate?.take(rows, of: gate)
    keptUp?.take(rows, of: up)
    hk_activate(
      kind, gate.pointer + start, up.pointer + start, Int64(rows.count * columns),
      output.pointer + start)
  }
  guard let keptGate, let keptUp else { return output }
  keptGate.finish()
  keptUp.finish()
  output.recomputing = { pass in
    let output = pass.tensor(keptGate.key.shape)
    let (gates, ups) = (keptGate.rows(in: pass), keptUp.rows(in: pass))
    pass.pool.run(rows: rowCount, columns: columns) { rows in
      gates.with(rows) { gate in
        ups.with(rows) { up in
          hk_activate(
            kind, gate, up, Int64(rows.count * columns),
            output.pointer + rows.lowerBound * columns)
        }
      }
    }
    return output
  }
  pass.record("gatedUnit", inputs: [gate, up], outputs: [output]) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let gateGradient = pass.tensor(keptGate.key.shape)
    let upGradient = pass.tensor(keptUp.key.shape)
    let (gates, ups) = (keptGate.rows(in: pass), keptUp.rows(in: pass))
    pass.pool.run(rows: rowCount, columns: columns) { rows in
      let start = rows.lowerBound * columns
      gates.with(rows) { gate in
        ups.with(rows) { up in
          hk_activate_backward(
            kind, gate, up, gradient.pointer + start, Int64(rows.count * columns),
            gateGradient.pointer + start, upGradient.pointer + start)
        }
      }
    }
    if keptGate.key.needsGradient { gradients.add(gateGradient, to: keptGate.key) }
    if keptUp.key.needsGradient { gradients.add(upGradient, to: keptUp.key) }
  }
  return output
}
