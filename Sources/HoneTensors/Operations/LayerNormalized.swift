import HoneKernels

/// `(x - mean(x)) / sqrt(variance(x) + ε) · w + b` for each row.
///
/// Ba et al., "Layer normalization", 2016.
///
/// - Parameters:
///   - input: `[rows x columns]`.
///   - weight: `[columns]`, or a part of them, which then is a row: each head of queries by itself.
///   - bias: as many numbers, or nil.
package func layerNormalized(
  _ input: Tensor, weight: Tensor, bias: Tensor? = nil, epsilon: Float, in pass: Pass
) -> Tensor {
  let columns = weight.shape.count
  let (rowCount, width) = (input.shape.rows, input.shape.columns)
  precondition(width % columns == 0, "a norm of \(weight.shape) for \(input.shape)")
  precondition(bias == nil || bias?.shape.count == columns, "biases for \(weight.shape)")
  // A row of the input holds so many that are normalised each by itself.
  let parts = width / columns
  let mean = pass.tensor([rowCount * parts])
  let inverse = pass.tensor([rowCount * parts])
  func forward(_ rows: Range<Int>, _ numbers: UnsafePointer<Float>, into output: Tensor) {
    let first = rows.lowerBound * parts
    hk_layernorm(
      numbers, weight.pointer, bias?.pointer, epsilon, Int64(rows.count * parts), Int64(columns),
      output.pointer + rows.lowerBound * width, mean.pointer + first, inverse.pointer + first)
  }
  let output = pass.tensor(input.shape)
  let kept = pass.keepByRows(input)
  pass.pool.run(rows: rowCount, columns: width) { rows in
    kept?.take(rows, of: input)
    forward(rows, input.pointer + rows.lowerBound * width, into: output)
  }
  guard let kept else { return output }
  kept.finish()
  output.recomputing = { pass in
    let output = pass.tensor(kept.key.shape)
    let source = kept.rows(in: pass)
    pass.pool.run(rows: rowCount, columns: width) { rows in
      source.with(rows) { forward(rows, $0, into: output) }
    }
    return output
  }
  let inputs = [input, weight] + (bias.map { [$0] } ?? [])
  pass.record(
    "layerNormalized", inputs: inputs, outputs: [output], saving: 2 * rowCount * parts * 4
  ) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let source = kept.rows(in: pass)
    let inputGradient = pass.tensor(kept.key.shape)
    // Rows of the gradients of weight and bias are summed by fixed shares, so that threads change
    // no bit.
    let shares = 8
    let rowsInShare = (rowCount + shares - 1) / shares
    func sums(_ vector: Tensor?) -> Tensor? {
      vector?.needsGradient == true ? pass.engine.zeros([shares, columns]) : nil
    }
    let (weightSums, biasSums) = (sums(weight), sums(bias))
    func walk(_ rows: Range<Int>, share: Int) {
      let (start, first) = (rows.lowerBound * width, rows.lowerBound * parts)
      source.with(rows) {
        hk_layernorm_backward(
          $0, weight.pointer, mean.pointer + first, inverse.pointer + first,
          gradient.pointer + start, Int64(rows.count * parts), Int64(columns),
          inputGradient.pointer + start, weightSums.map { $0.pointer + share * columns },
          biasSums.map { $0.pointer + share * columns })
      }
    }
    pass.pool.run(pieces: shares) { share in
      let end = min(rowCount, (share + 1) * rowsInShare)
      for row in min(rowCount, share * rowsInShare)..<end { walk(row..<row + 1, share: share) }
    }
    for (vector, sums) in [(weight, weightSums), (bias, biasSums)] {
      guard let vector, let sums else { continue }
      let total = pass.engine.zeros(vector.shape)
      for share in 0..<shares {
        hk_axpy(Int64(columns), 1, sums.pointer + share * columns, total.pointer)
      }
      gradients.add(total, to: vector.key)
    }
    if kept.key.needsGradient { gradients.add(inputGradient, to: kept.key) }
  }
  return output
}
