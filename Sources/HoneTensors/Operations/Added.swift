import HoneKernels

/// `a + b`.
package func added(_ a: Tensor, _ b: Tensor, in pass: Pass) -> Tensor {
  precondition(a.shape == b.shape, "\(a.shape) and \(b.shape)")
  let output = pass.tensor(a.shape)
  pass.pool.run(rows: a.shape.count, columns: 1) { range in
    let start = range.lowerBound
    hk_add(a.pointer + start, b.pointer + start, Int64(range.count), output.pointer + start)
  }
  pass.record("added", inputs: [a, b], outputs: [output]) {
    [first = a.key, second = b.key, key = output.key] gradients, _ in
    guard let gradient = gradients[key] else { return }
    if first.needsGradient { gradients.add(gradient, to: first, shared: true) }
    if second.needsGradient { gradients.add(gradient, to: second, shared: true) }
  }
  return output
}

/// Each row plus the same vector, a bias.
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
  pass.record("addedToRows", inputs: [vector, input], outputs: [output]) {
    [vector = vector.key, input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    if input.needsGradient { gradients.add(gradient, to: input, shared: true) }
    if let sum = gradients.accumulator(for: vector) {
      addRows(of: gradient, to: sum, in: pass)
    }
  }
  return output
}

/// Adds every row of a gradient to one row. Rows are summed by fixed shares of columns, so that
/// threads change no bit.
package func addRows(of gradient: Tensor, to sum: Tensor, in pass: Pass) {
  let columns = gradient.shape.columns
  let share = 256
  pass.pool.run(pieces: (columns + share - 1) / share) { piece in
    let (start, count) = (piece * share, min(share, columns - piece * share))
    for row in 0..<gradient.shape.rows {
      hk_axpy(
        Int64(count), 1, gradient.pointer + row * columns + start, sum.pointer + start)
    }
  }
}
