import HoneTensors

/// From hidden states to the vocabulary.
extension Decoder {
  /// The logits of hidden states, `[rows x vocabulary]`: for few rows only.
  package func logits(_ hidden: Tensor, adapter: some Adapter, in pass: Pass) -> Tensor {
    var logits = adapter.project(hidden, at: [Site(.head)], through: [head], in: pass)[0]
    if spec.logitScale != 1 { logits = scaled(logits, by: spec.logitScale, in: pass) }
    return spec.logitSoftCap > 0 ? softCapped(logits, at: spec.logitSoftCap, in: pass) : logits
  }

  /// The natural logarithm of the probability of one token a row.
  ///
  /// Logits are formed for a few rows at a time, so memory does not grow with the text.
  package func logProbabilities(
    of targets: [Int32], after hidden: Tensor, adapter: some Adapter, in pass: Pass
  ) -> [Float] {
    precondition(targets.count == hidden.shape[0], "\(targets.count) targets for \(hidden.shape)")
    let chunk = 128
    return stride(from: 0, to: targets.count, by: chunk).flatMap { start -> [Float] in
      let rows = start..<min(start + chunk, targets.count)
      let logits = logits(hidden.rows(rows), adapter: adapter, in: pass)
      return tokenLogProbabilities(logits, targets: Array(targets[rows]), in: pass)
    }
  }

  /// The cross-entropy of a batch's trained tokens.
  ///
  /// - Parameters:
  ///   - hidden: what ``hiddenStates(_:adapter:cache:in:)`` gave for the batch.
  ///   - rows: the row that each target follows.
  ///   - targets: the tokens.
  ///   - weight: of each loss in the total.
  package func crossEntropy(
    _ hidden: Tensor, rows: [Int32], targets: [Int32], weight: Float, adapter: some Adapter,
    in pass: Pass
  ) -> TokenLosses {
    headCrossEntropy(
      hidden, rows: rows, targets: targets, weight: weight, vocabulary: spec.vocabularySize,
      in: pass
    ) { logits($0, adapter: adapter, in: $1) }
  }

  /// The log-probabilities of a batch's tokens, recorded one by one.
  ///
  /// - Parameters:
  ///   - hidden: what ``hiddenStates(_:adapter:cache:in:)`` gave for the batch.
  ///   - rows: the row that each target follows.
  ///   - targets: the tokens.
  ///   - statistics: whether the predictions' entropies and square sums are wanted too.
  package func tokenScores(
    _ hidden: Tensor, rows: [Int32], targets: [Int32], statistics: Bool, adapter: some Adapter,
    in pass: Pass
  ) -> TokenScores {
    headLogProbabilities(
      hidden, rows: rows, targets: targets, vocabulary: spec.vocabularySize,
      statistics: statistics, in: pass
    ) { self.logits($0, adapter: adapter, in: $1) }
  }
}
