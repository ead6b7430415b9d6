import HoneKernels

/// `factor · x`.
package func scaled(_ input: Tensor, by factor: Float, in pass: Pass) -> Tensor {
  let output = multiple(input, factor, in: pass)
  pass.record("scaled", inputs: [input], outputs: [output]) { gradients, pass in
    guard let gradient = gradients[output] else { return }
    gradients.add(multiple(gradient, factor, in: pass), to: input)
  }
  return output
}

private func multiple(_ input: Tensor, _ factor: Float, in pass: Pass) -> Tensor {
  let output = pass.tensor(input.shape)
  pass.pool.run(rows: input.shape.count, columns: 1) { range in
    for index in range { output.pointer[index] = factor * input.pointer[index] }
  }
  return output
}
