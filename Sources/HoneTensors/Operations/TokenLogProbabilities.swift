import HoneKernels

/// The natural logarithm of the softmax of each row at its target; not recorded.
///
/// - Parameters:
///   - logits: `[rows x vocabulary]`.
///   - targets: one id a row.
package func tokenLogProbabilities(_ logits: Tensor, targets: [Int32], in pass: Pass) -> [Float] {
  let vocabulary = logits.shape.columns
  let results = pass.tensor([targets.count])
  pass.pool.run(pieces: targets.count) { row in
    let start = logits.pointer + row * vocabulary
    results.pointer[row] = start[Int(targets[row])] - hk_logsumexp(start, Int64(vocabulary))
  }
  return results.values
}
