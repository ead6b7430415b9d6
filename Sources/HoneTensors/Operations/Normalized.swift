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
  let inverse = pass.tensor([rowCount])
  func forward(_ input: Tensor, in pass: Pass) -> Tensor {
    let output = pass.tensor(input.shape)
    pass.pool.run(rows: rowCount, columns: columns) { rows in
      let start = rows.lowerBound * columns
      hk_rmsnorm(
        input.pointer + start, weight.pointer, offset, epsilon, Int64(rows.count), Int64(columns),
        output.pointer + start, inverse.pointer + rows.lowerBound)
    }
    return output
  }
  let output = forward(input, in: pass)
  guard let kept = pass.keep(input) else { return output }
  output.recomputing = { forward(kept.tensor(in: $0), in: $0) }
  pass.record("rmsNormalized", inputs: [input, weight], outputs: [output], saving: rowCount * 4) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let input = kept.tensor(in: pass)
    let inputGradient = pass.tensor(input.shape)
    // Rows of a weight's gradient are summed by fixed shares, so that threads change no bit.
    let shares = weight.needsGradient ? 8 : 0
    let rowsInShare = (rowCount + max(shares, 1) - 1) / max(shares, 1)
    let sums = weight.needsGradient ? pass.engine.zeros([shares, columns]) : nil
    func walk(_ rows: Range<Int>, _ sum: UnsafeMutablePointer<Float>?) {
      let start = rows.lowerBound * columns
      hk_rmsnorm_backward(
        input.pointer + start, weight.pointer, offset, inverse.pointer + rows.lowerBound,
        gradient.pointer + start, Int64(rows.count), Int64(columns),
        inputGradient.pointer + start, sum)
    }
    if let sums {
      pass.pool.run(pieces: shares) { share in
        let first = min(rowCount, share * rowsInShare)
        walk(first..<min(rowCount, first + rowsInShare), sums.pointer + share * columns)
      }
      let total = pass.engine.zeros([columns])
      for share in 0..<shares {
        hk_axpy(Int64(columns), 1, sums.pointer + share * columns, total.pointer)
      }
      gradients.add(total, to: weight.key)
    } else {
      pass.pool.run(rows: rowCount, columns: columns) { walk($0, nil) }
    }
    if kept.key.needsGradient { gradients.add(inputGradient, to: kept.key) }
  }
  return output
}
