import HoneKernels

/// Each row times the same vector, number by number: `y = x ∘ v`.
///
/// The way back: `dx = dy ∘ v`, `dv = Σ dy ∘ x` over the rows.
///
/// - Parameters:
///   - input: `[rows x columns]`.
///   - vector: as many numbers as a row has, in any shape.
package func weighted(_ input: Tensor, by vector: Tensor, in pass: Pass) -> Tensor {
  let columns = input.shape.columns
  precondition(vector.shape.count == columns, "\(vector.shape) for rows of \(input.shape)")
  let output = product(input, vector, in: pass)
  let kept = pass.keep(input)
  if let kept { output.recomputing = { product(kept.tensor(in: $0), vector, in: $0) } }
  let seen = vector.needsGradient ? kept : nil
  pass.record("weighted", inputs: [input, vector], outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    if input.needsGradient { gradients.add(product(gradient, vector, in: pass), to: input) }
    guard let sum = gradients.accumulator(for: vector.key), let seen else { return }
    let input = seen.tensor(in: pass)
    // Rows are summed by fixed shares of columns, so that threads change no bit.
    let share = 256
    pass.pool.run(pieces: (columns + share - 1) / share) { piece in
      let (start, count) = (piece * share, min(share, columns - piece * share))
      for row in 0..<gradient.shape.rows {
        let offset = row * columns + start
        hk_multiply_add(
          gradient.pointer + offset, input.pointer + offset, Int64(count), sum.pointer + start)
      }
    }
  }
  return output
}

private func product(_ input: Tensor, _ vector: Tensor, in pass: Pass) -> Tensor {
  let columns = input.shape.columns
  let output = pass.tensor(input.shape)
  pass.pool.run(rows: input.shape.rows, columns: columns) { rows in
    for row in rows {
      let offset = row * columns
      hk_multiply(
        input.pointer + offset, vector.pointer, Int64(columns), output.pointer + offset)
    }
  }
  return output
}
