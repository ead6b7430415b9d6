import HoneKernels

/// `f(x)`, number by number.
package func activated(_ input: Tensor, by activation: Activation, in pass: Pass) -> Tensor {
  let kind = activation.kernelActivation
  func forward(_ input: Tensor, in pass: Pass) -> Tensor {
    let output = pass.tensor(input.shape)
    pass.pool.run(rows: input.shape.count, columns: 1) { range in
      let start = range.lowerBound
      hk_activate(kind, input.pointer + start, nil, Int64(range.count), output.pointer + start)
    }
    return output
  }
  let output = forward(input, in: pass)
  guard let kept = pass.keep(input) else { return output }
  output.recomputing = { forward(kept.tensor(in: $0), in: $0) }
  pass.record("activated", inputs: [input], outputs: [output]) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let input = kept.tensor(in: pass)
    let inputGradient = pass.tensor(input.shape)
    pass.pool.run(rows: input.shape.count, columns: 1) { range in
      let start = range.lowerBound
      hk_activate_backward(
        kind, input.pointer + start, nil, gradient.pointer + start, Int64(range.count),
        inputGradient.pointer + start, nil)
    }
    gradients.add(inputGradient, to: kept.key)
  }
  return output
}
