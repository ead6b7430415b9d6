import HoneKernels

/// `a + b`.
package func added(_ a: Tensor, _ b: Tensor, in pass: Pass) -> Tensor {
  precondition(a.shape == b.shape, "\(a.shape) and \(b.shape)")
  let output = pass.tensor(a.shape)
  pass.pool.run(rows: a.shape.count, columns: 1) { range in
    let start = range.lowerBound
    hk_add(a.pointer + start, b.pointer + start, Int64(range.count), output.pointer + start)
  }
  pass.record("added", inputs: [a, b], outputs: [output]) { gradients, _ in
    guard let gradient = gradients[output] else { return }
    if a.needsGradient { gradients.add(gradient, to: a, shared: true) }
    if b.needsGradient { gradients.add(gradient, to: b, shared: true) }
  }
  return output
}

/// Each row plus the same vector.
package func added(_ vector: Tensor, toRowsOf input: Tensor, in pass: Pass) -> Tensor {
  let columns = input.shape.columns
  precondition(vector.shape.count == columns, "\(vector.shape) for rows of \(input.shape)")
  let output = pass.tensor(input.shape)
  pass.pool.run(rows: input.shape.rows, columns: columns) { rows in
    for row in rows {
      let offset = row * columns
      hk_add(input.pointer + offset, vector.pointer, Int64(columns), output.pointer + offset)
    }
  }
  return output
}
