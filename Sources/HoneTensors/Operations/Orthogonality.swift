/// `weight · Σ ‖G - I‖`, how far the vectors of matrices are from orthonormal ones, as a term of a loss.
///
/// `G` is `M Mᵀ`, the products of a matrix's rows, or `Mᵀ M`, those of its columns; `‖·‖` is Frobenius'
/// norm. The way back: `dM = 2 w (G - I) M / ‖G - I‖`, or `2 w M (G - I) / ‖G - I‖`, and nothing where
/// the norm is zero. Products are in f32, since `G - I` is a difference of equals.
///
/// Zhang et al., "AdaLoRA: adaptive budget allocation for parameter-efficient fine-tuning", 2023.
package func orthogonality(
  of matrices: [(matrix: Tensor, byColumns: Bool)], weight: Float, in pass: Pass
) -> Tensor {
  let exact = Pass(Engine(sharing: pass.engine, compute: .f32))
  var differences: [(matrix: Tensor, norm: Double)] = []
  for (matrix, byColumns) in matrices {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    let count = byColumns ? columns : rows
    let difference = pass.engine.tensor([count, count])
    matrixProduct(
      matrix, transposed: byColumns, rows: count, depth: byColumns ? rows : columns, matrix,
      byColumns: byColumns, into: difference, in: exact)
    var square = 0.0
    for place in 0..<count * count {
      if place % (count + 1) == 0 { difference.pointer[place] -= 1 }
      square += Double(difference.pointer[place]) * Double(difference.pointer[place])
    }
    differences.append((difference, square.squareRoot()))
  }
  let output = pass.engine.tensor(
    [1], [Float(Double(weight) * differences.reduce(0) { $0 + $1.norm })])
  pass.record("orthogonality", inputs: matrices.map(\.matrix), outputs: [output]) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let exact = Pass(Engine(sharing: pass.engine, compute: .f32))
    for ((matrix, byColumns), (difference, norm)) in zip(matrices, differences) {
      guard norm > 0, let sum = gradients.accumulator(for: matrix.key) else { continue }
      let factor = Float(2 * Double(weight) * Double(gradient.pointer[0]) / norm)
      let slope = scaled(difference, by: factor, in: exact)
      let (left, right) = byColumns ? (matrix, slope) : (slope, matrix)
      matrixProduct(
        left, rows: left.shape[0], depth: left.shape[1], right, byColumns: true, accumulate: true,
        into: sum, in: exact)
    }
  }
  return output
}
