import HoneKernels

/// Each row's numbers in blocks, each block times its matrix: `y = x R` for the block's `R`.
///
/// - Parameters:
///   - input: `[rows x columns]`.
///   - blocks: `[columns / size x size x size]`, or one for all, `[1 x size x size]`.
///   - inverted: whether the matrices' transposes are meant.
package func blocksTurned(
  _ input: Tensor, by blocks: Tensor, inverted: Bool = false, in pass: Pass
) -> Tensor {
  let output = pass.tensor(input.shape)
  turn(input, by: blocks, inverted: inverted, into: output, in: pass)
  let kept = blocks.needsGradient ? pass.keep(input) : nil
  pass.record("blocksTurned", inputs: [input, blocks], outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    if input.needsGradient {
      let target = pass.tensor(input.shape)
      turn(gradient, by: blocks, inverted: !inverted, into: target, in: pass)
      gradients.add(target, to: input)
    }
    guard let sum = gradients.accumulator(for: blocks.key), let seen = kept?.tensor(in: pass) else {
      return
    }
    let (left, right) = inverted ? (gradient, seen) : (seen, gradient)
    let (size, columns) = (blocks.shape.columns, input.shape.columns)
    for block in 0..<columns / size {
      let target = sum.pointer + (blocks.shape[0] == 1 ? 0 : block * size * size)
      var product = hk_product(
        matrix: right.pointer + block * size, format: HK_F32, row_bytes: Int64(columns * 4),
        columns: Int64(size), by_columns: true, accumulate: true, out: target,
        out_stride: Int64(size))
      let operand = hk_left(
        data: left.pointer + block * size, stride: Int64(columns), transposed: true, scale: 1)
      hk_gemm(
        pass.pool.handle, pass.engine.compute.kernelCompute, operand, Int64(size),
        Int64(input.shape.rows), &product, 1)
    }
  }
  return output
}

private func turn(
  _ input: Tensor, by blocks: Tensor, inverted: Bool, into output: Tensor, in pass: Pass
) {
  let (rows, columns, size) = (input.shape.rows, input.shape.columns, blocks.shape.columns)
  precondition(
    columns % size == 0 && (blocks.shape[0] == 1 || blocks.shape[0] * size == columns),
    "\(input.shape) in blocks of \(blocks.shape)")
  for block in 0..<columns / size {
    let matrix = blocks.pointer + (blocks.shape[0] == 1 ? 0 : block * size * size)
    var product = hk_product(
      matrix: matrix, format: HK_F32, row_bytes: Int64(size * 4), columns: Int64(size),
      by_columns: !inverted, accumulate: false, out: output.pointer + block * size,
      out_stride: Int64(columns))
    let left = hk_left(
      data: input.pointer + block * size, stride: Int64(columns), transposed: false, scale: 1)
    hk_gemm(
      pass.pool.handle, pass.engine.compute.kernelCompute, left, Int64(rows), Int64(size),
      &product, 1)
  }
}
