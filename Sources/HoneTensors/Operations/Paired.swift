import HoneKernels

/// Every row of one matrix times every row of another, number by number: `[m x columns]` and
/// `[n x columns]` become `[m n x columns]`.
package func pairedRows(_ a: Tensor, _ b: Tensor, in pass: Pass) -> Tensor {
  let (m, n, columns) = (a.shape.rows, b.shape.rows, a.shape.columns)
  precondition(b.shape.columns == columns, "pairs of \(a.shape) and \(b.shape)")
  let output = pass.tensor([m * n, columns])
  for row in 0..<m * n {
    hk_multiply(
      a.pointer + row / n * columns, b.pointer + row % n * columns, Int64(columns),
      output.pointer + row * columns)
  }
  pass.record("pairedRows", inputs: [a, b], outputs: [output]) {
    [key = output.key] gradients, _ in
    guard let gradient = gradients[key] else { return }
    let sums = (gradients.accumulator(for: a.key), gradients.accumulator(for: b.key))
    for row in 0..<m * n {
      let own = gradient.pointer + row * columns
      let (first, second) = (row / n * columns, row % n * columns)
      if let sum = sums.0 {
        hk_multiply_add(own, b.pointer + second, Int64(columns), sum.pointer + first)
      }
      if let sum = sums.1 {
        hk_multiply_add(own, a.pointer + first, Int64(columns), sum.pointer + second)
      }
    }
  }
  return output
}

/// Every column of one matrix times every column of another: `[rows x m]` and `[rows x n]` become
/// `[rows x m n]`.
package func pairedColumns(_ a: Tensor, _ b: Tensor, in pass: Pass) -> Tensor {
  let (rows, m, n) = (a.shape.rows, a.shape.columns, b.shape.columns)
  precondition(b.shape.rows == rows, "pairs of \(a.shape) and \(b.shape)")
  let output = pass.tensor([rows, m * n])
  pass.pool.run(rows: rows, columns: m * n) { range in
    for row in range {
      for first in 0..<m {
        let (factor, target) = (a.pointer[row * m + first], output.pointer + (row * m + first) * n)
        for second in 0..<n { target[second] = factor * b.pointer[row * n + second] }
      }
    }
  }
  pass.record("pairedColumns", inputs: [a, b], outputs: [output]) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let sums = (gradients.accumulator(for: a.key), gradients.accumulator(for: b.key))
    pass.pool.run(rows: rows, columns: m * n) { range in
      for row in range {
        for first in 0..<m {
          let own = gradient.pointer + (row * m + first) * n
          var sum: Float = 0
          for second in 0..<n {
            sum += own[second] * b.pointer[row * n + second]
            sums.1?.pointer[row * n + second] += own[second] * a.pointer[row * m + first]
          }
          sums.0?.pointer[row * m + first] += sum
        }
      }
    }
  }
  return output
}
