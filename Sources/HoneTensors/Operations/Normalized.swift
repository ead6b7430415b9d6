import HoneKernels

/// `x / sqrt(mean(x²) + ε) · (w + offset)` for each row.
///
/// Zhang & Sennrich, "Root mean square layer normalization", 2019.
///
/// - Parameters:
///   - input: `[rows x columns]`.
///   - weight: `[columns]`, or a part of them, which then is a row: each head of queries by itself.
///   - offset: added to the weight; Gemma stores its weights less one.
package func rmsNormalized(
  _ input: Tensor, weight: Tensor, offset: Float = 0, epsilon: Float, in pass: Pass
) -> Tensor {
  let columns = weight.shape.count
  let rowCount = input.shape.count / columns
  precondition(
    input.shape.columns % columns == 0, "a norm of \(weight.shape) for \(input.shape)")
  // A row of the input holds so many that are normalised each by itself.
  let (inputRows, width) = (input.shape.rows, input.shape.columns)
  let parts = width / columns
  let inverse = pass.tensor([rowCount])
  func forward(_ rows: Range<Int>, _ numbers: UnsafePointer<Float>, into output: Tensor) {
    hk_rmsnorm(
      numbers, weight.pointer, offset, epsilon, Int64(rows.count * parts), Int64(columns),
      output.pointer + rows.lowerBound * width, inverse.pointer + rows.lowerBound * parts)
  }
  let output = pass.tensor(input.shape)
  let kept = pass.keepByRows(input)
  pass.pool.run(rows: inputRows, columns: width) { rows in
    kept?.take(rows, of: input)
    forward(rows, input.pointer + rows.lowerBound * width, into: output)
  }
  guard let kept else { return output }
  kept.finish()
  output.recomputing = { pass in
    let output = pass.tensor(kept.key.shape)
    let source = kept.rows(in: pass)
    pass.pool.run(rows: inputRows, columns: width) { rows in
      source.with(rows) { forward(rows, $0, into: output) }
    }
    return output
  }
  pass.record("rmsNormalized", inputs: [input, weight], outputs: [output], saving: rowCount * 4) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let source = kept.rows(in: pass)
    let inputGradient = pass.tensor(kept.key.shape)
    // Rows of a weight's gradient are summed by fixed shares, so that threads change no bit.
    let shares = weight.needsGradient ? 8 : 0
    let rowsInShare = (inputRows + max(shares, 1) - 1) / max(shares, 1)
    let sums = weight.needsGradient ? pass.engine.zeros([shares, columns]) : nil
    func walk(_ rows: Range<Int>, _ sum: UnsafeMutablePointer<Float>?) {
      let start = rows.lowerBound * width
      source.with(rows) {
        hk_rmsnorm_backward(
          $0, weight.pointer, offset, inverse.pointer + rows.lowerBound * parts,
          gradient.pointer + start, Int64(rows.count * parts), Int64(columns),
          inputGradient.pointer + start, sum)
      }
    }
    if let sums {
      pass.pool.run(pieces: shares) { share in
        let end = min(inputRows, (share + 1) * rowsInShare)
        for row in min(inputRows, share * rowsInShare)..<end {
          walk(row..<row + 1, sums.pointer + share * columns)
        }
      }
      let total = pass.engine.zeros([columns])
      for share in 0..<shares {
        hk_axpy(Int64(columns), 1, sums.pointer + share * columns, total.pointer)
      }
      gradients.add(total, to: weight.key)
    } else {
      pass.pool.run(rows: inputRows, columns: width) { walk($0, nil) }
    }
    if kept.key.needsGradient { gradients.add(inputGradient, to: kept.key) }
  }
  return output
}
