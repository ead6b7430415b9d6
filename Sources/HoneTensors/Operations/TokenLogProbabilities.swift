import HoneKernels

/// The natural logarithm of the softmax of each row at its target; not recorded.
///
/// - Parameters:
///   - logits: `[rows x vocabulary]`.
///   - targets: one id a row.
package func tokenLogProbabilities(_ logits: Tensor, targets: [Int32], in pass: Pass) -> [Float] {
  precondition(targets.count == logits.shape.rows, "\(targets.count) targets for \(logits.shape)")
  let vocabulary = logits.shape.columns
  let losses = pass.tensor([targets.count])
  targets.withUnsafeBufferPointer { targets in
    guard let targets = targets.baseAddress else { return }
    pass.pool.run(pieces: losses.shape.count) { row in
      hk_cross_entropy(
        logits.pointer + row * vocabulary, targets + row, 0, 1, Int64(vocabulary),
        losses.pointer + row)
    }
  }
  return losses.values.map { -$0 }
}
