import HoneKernels

/// `x Mᵀ`, or `x M` where `byColumns`, with a matrix that may itself be trained.
///
/// The way back: `dx = dy M` (or `dy Mᵀ`), `dM = dyᵀ x` (or `xᵀ dy`).
///
/// - Parameters:
///   - input: `[rows x depth]`.
///   - matrix: `[outputs x depth]`, or `[depth x outputs]` by columns.
/// - Returns: `[rows x outputs]`.
package func multiplied(
  _ input: Tensor, by matrix: Tensor, byColumns: Bool = false, in pass: Pass
) -> Tensor {
  let (outputs, depth) =
    byColumns ? (matrix.shape[1], matrix.shape[0]) : (matrix.shape[0], matrix.shape[1])
  precondition(input.shape.columns == depth, "\(input.shape) through \(matrix.shape)")
  let rows = input.shape.rows
  let output = pass.tensor([rows, outputs])
  matrixProduct(
    input, rows: rows, depth: depth, matrix, byColumns: byColumns, into: output, in: pass)
  let kept = matrix.needsGradient ? pass.keep(input) : nil
  pass.record("multiplied", inputs: [input, matrix], outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    if input.needsGradient {
      let inputGradient = pass.tensor(input.shape)
      matrixProduct(
        gradient, rows: rows, depth: outputs, matrix, byColumns: !byColumns, into: inputGradient,
        in: pass)
      gradients.add(inputGradient, to: input)
    }
    if let sum = gradients.accumulator(for: matrix.key), let seen = kept?.tensor(in: pass) {
      let (left, right) = byColumns ? (seen, gradient) : (gradient, seen)
      matrixProduct(
        left, transposed: true, rows: left.shape.columns, depth: rows, right, byColumns: true,
        accumulate: true, into: sum, in: pass)
    }
  }
  return output
}

/// `left right` or `left rightᵀ` without a record: the arithmetic of ``multiplied(_:by:byColumns:in:)``.
func matrixProduct(
  _ left: Tensor, transposed: Bool = false, rows: Int, depth: Int, _ right: Tensor,
  byColumns: Bool, accumulate: Bool = false, into output: Tensor, in pass: Pass
) {
  var products = MatrixProducts(rows: rows)
  let operand = products.left(left, transposed: transposed)
  products.begin(into: output, accumulate: accumulate)
  products.term(operand, right, byColumns: byColumns)
  products.run(few: pass.isDecoding && !byColumns && !transposed, in: pass)
}
