import HoneKernels

/// `factor · x`.
package func scaled(_ input: Tensor, by factor: Float, in pass: Pass) -> Tensor {
  let output = multiple(input, factor, in: pass)
  pass.record("scaled", inputs: [input], outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    gradients.add(multiple(gradient, factor, in: pass), to: input)
  }
  return output
}

private func multiple(_ input: Tensor, _ factor: Float, in pass: Pass) -> Tensor {
  let output = pass.tensor(input.shape)
  pass.pool.run(rows: input.shape.count, columns: 1) { range in
    (output.pointer + range.lowerBound).update(
      from: input.pointer + range.lowerBound, count: range.count)
    hk_scale(Int64(range.count), factor, output.pointer + range.lowerBound)
  }
  return output
}
