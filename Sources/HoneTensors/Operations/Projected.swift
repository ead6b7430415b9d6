import HoneKernels

/// `x Wᵀ` for each of several frozen weights that share an input.
///
/// The way back, `dx = Σ dyᵢ Wᵢ`, goes to the input alone: frozen weights get no gradient.
///
/// - Parameters:
///   - input: `[tokens x inputs]`.
///   - weights: each `outputs x inputs`.
/// - Returns: one `[tokens x outputs]` a weight.
package func projected(_ input: Tensor, through weights: [Weight], in pass: Pass) -> [Tensor] {
  let rows = input.shape.rows
  for weight in weights {
    precondition(
      weight.columns == input.shape.columns,
      "a weight of \(weight.rows) x \(weight.columns) for an input of \(input.shape)")
  }
  let outputs = weights.map { pass.tensor([rows, $0.rows]) }
  let products = zip(weights, outputs).map { weight, output in
    hk_product(
      matrix: weight.bytes, format: weight.format.kernelFormat,
      row_bytes: Int64(weight.bytesPerRow), columns: Int64(weight.rows), by_columns: false,
      accumulate: false, out: output.pointer, out_stride: Int64(weight.rows))
  }
  let left = hk_left(
    data: input.pointer, stride: Int64(input.shape.columns), transposed: false, scale: 1)
  if pass.isDecoding {
    hk_gemm_few(
      pass.pool.handle, pass.engine.compute.kernelCompute, left, Int64(rows),
      Int64(input.shape.columns), products, Int32(products.count))
  } else {
    hk_gemm(
      pass.pool.handle, pass.engine.compute.kernelCompute, left, Int64(rows),
      Int64(input.shape.columns), products, Int32(products.count))
  }
  pass.record("projected", inputs: [input], outputs: outputs) { gradients, pass in
    let inputGradient = pass.tensor(input.shape)
    var started = false
    for (weight, output) in zip(weights, outputs) {
      guard let gradient = gradients[output] else { continue }
      var product = hk_product(
        matrix: weight.bytes, format: weight.format.kernelFormat,
        row_bytes: Int64(weight.bytesPerRow), columns: Int64(weight.columns), by_columns: true,
        accumulate: started, out: inputGradient.pointer, out_stride: Int64(weight.columns))
      hk_gemm(
        pass.pool.handle, pass.engine.compute.kernelCompute,
        hk_left(
          data: gradient.pointer, stride: Int64(weight.rows), transposed: false, scale: 1),
        Int64(rows), Int64(weight.rows), &product, 1)
      started = true
    }
    if started { gradients.add(inputGradient, to: input) }
  }
  return outputs
}
