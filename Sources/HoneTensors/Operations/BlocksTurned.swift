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
      let target = blocks.shape[0] == 1 ? sum : sum.rows(block..<block + 1)
      var products = MatrixProducts(rows: size)
      let columns = block * size..<(block + 1) * size
      let operand = products.left(left, columns: columns, transposed: true)
      products.begin(into: target, accumulate: true)
      products.term(operand, right, columns: columns, byColumns: true)
      products.run(in: pass)
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
    let matrix = blocks.shape[0] == 1 ? blocks : blocks.rows(block..<block + 1)
    var products = MatrixProducts(rows: rows)
    let left = products.left(input, columns: block * size..<(block + 1) * size)
    products.begin(into: output, columns: block * size..<(block + 1) * size)
    products.term(left, matrix, byColumns: !inverted)
    products.run(in: pass)
  }
}
