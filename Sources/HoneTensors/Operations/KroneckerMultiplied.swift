import HoneKernels

/// `scale · x (F ⊗ S)ᵀ`, a product with a Kronecker product that is never formed.
///
/// `F ⊗ S` has `F[a, c] · S[b, d]` in row `a · B + b` and column `c · D + d`: with a row of `x` as a
/// matrix `X` of `C x D`, its row of the output is `F X Sᵀ`. The way back keeps the input alone.
///
/// - Parameters:
///   - input: `[rows x C D]`.
///   - first: `F`, `[A x C]`.
///   - second: `S`, `[B x D]`.
/// - Returns: `[rows x A B]`.
package func multiplied(
  _ input: Tensor, byKronecker first: Tensor, _ second: Tensor, scale: Float, in pass: Pass
) -> Tensor {
  let (a, c) = (first.shape.rows, first.shape.columns)
  let (b, d) = (second.shape.rows, second.shape.columns)
  let rows = input.shape.rows
  precondition(
    input.shape.columns == c * d, "\(input.shape) through \(first.shape) and \(second.shape)")

  // [rows x C D] -> [rows D x C], for the products with F.
  func turned(_ input: Tensor, in pass: Pass) -> Tensor {
    transposed(input, rows, c, d, in: pass)
  }
  // scale · F X, as [rows A x D].
  func inner(_ turned: Tensor, in pass: Pass) -> Tensor {
    let product = pass.tensor([rows * d, a])
    matrixProduct(
      turned, rows: rows * d, depth: c, first, byColumns: false, into: product, in: pass)
    let output = transposed(product, rows, d, a, in: pass)
    multiply(output, by: scale, in: pass)
    return output
  }

  let output = pass.tensor([rows, a * b])
  matrixProduct(
    inner(turned(input, in: pass), in: pass), rows: rows * a, depth: d, second, byColumns: false,
    into: output.reshaped([rows * a, b]), in: pass)
  let kept = pass.keep(input)
  pass.record("kroneckerMultiplied", inputs: [input, first, second], outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key]?.reshaped([rows * a, b]),
      let seen = kept.map({ turned($0.tensor(in: pass), in: pass) })
    else { return }
    if let sum = gradients.accumulator(for: second.key) {
      matrixProduct(
        gradient, transposed: true, rows: b, depth: rows * a, inner(seen, in: pass),
        byColumns: true, accumulate: true, into: sum, in: pass)
    }
    let outer = pass.tensor([rows * a, d])
    matrixProduct(
      gradient, rows: rows * a, depth: b, second, byColumns: true, into: outer, in: pass)
    let innerGradient = transposed(outer, rows, a, d, in: pass)
    multiply(innerGradient, by: scale, in: pass)
    if let sum = gradients.accumulator(for: first.key) {
      matrixProduct(
        innerGradient, transposed: true, rows: a, depth: rows * d, seen, byColumns: true,
        accumulate: true, into: sum, in: pass)
    }
    if input.needsGradient {
      let target = pass.tensor([rows * d, c])
      matrixProduct(
        innerGradient, rows: rows * d, depth: a, first, byColumns: true, into: target, in: pass)
      gradients.add(transposed(target, rows, d, c, in: pass).reshaped(input.shape), to: input)
    }
  }
  return output
}

/// Each of `count` matrices of `rows x columns`, one after the other, transposed:
/// `[count · columns x rows]`.
private func transposed(
  _ input: Tensor, _ count: Int, _ rows: Int, _ columns: Int, in pass: Pass
) -> Tensor {
  let output = pass.tensor([count * columns, rows])
  let size = rows * columns
  pass.pool.run(rows: count, columns: size) { range in
    for index in range {
      let (source, target) = (input.pointer + index * size, output.pointer + index * size)
      for row in 0..<rows {
        for column in 0..<columns { target[column * rows + row] = source[row * columns + column] }
      }
    }
  }
  return output
}

private func multiply(_ tensor: Tensor, by factor: Float, in pass: Pass) {
  pass.pool.run(rows: tensor.shape.count, columns: 1) { range in
    hk_scale(Int64(range.count), factor, tensor.pointer + range.lowerBound)
  }
}
