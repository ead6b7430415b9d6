import HoneKernels

/// `x / sqrt(mean(x²) + ε) · w` for each row.
///
/// Zhang & Sennrich, "Root mean square layer normalization", 2019.
///
/// - Parameters:
///   - input: `[rows x columns]`.
///   - weight: `[columns]`.
package func rmsNormalized(_ input: Tensor, weight: Tensor, epsilon: Float, in pass: Pass) -> Tensor
{
  let columns = input.shape.columns
  precondition(weight.shape.count == columns, "a norm of \(weight.shape) for \(input.shape)")
  let output = pass.tensor(input.shape)
  pass.pool.run(rows: input.shape.rows, columns: columns) { rows in
    let offset = rows.lowerBound * columns
    hk_rmsnorm(
      input.pointer + offset, weight.pointer, Int64(rows.count), Int64(columns), epsilon, 0,
      output.pointer + offset, nil)
  }
  return output
}
