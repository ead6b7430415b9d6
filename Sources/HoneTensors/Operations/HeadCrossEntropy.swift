import HoneKernels

/// The losses of a text's tokens, and their weighted sum.
package struct TokenLosses {
  /// `Σ weight · loss`, one number, recorded.
  package var total: Tensor
  /// The loss of each target, in nats.
  package var each: [Float]
}

/// Cross-entropy of tokens after hidden states, through a head, a few rows at a time: the matrix of
/// tokens x vocabulary never exists.
///
/// While recording, each chunk's gradient is taken back to its hidden states at once, since the
/// derivative of a cross-entropy needs nothing that comes later but a factor.
///
/// - Parameters:
///   - hidden: `[rows x hidden]`.
///   - rows: the row that each target follows.
///   - targets: the tokens.
///   - weight: of every loss in the sum, one over the number of tokens trained in a step.
///   - vocabulary: how many logits the head gives a row.
///   - head: hidden states to logits.
package func headCrossEntropy(
  _ hidden: Tensor, rows: [Int32], targets: [Int32], weight: Float, vocabulary: Int, in pass: Pass,
  head: (Tensor, Pass) -> Tensor
) -> TokenLosses {
  precondition(rows.count == targets.count, "\(rows.count) rows of \(targets.count) targets")
  let columns = hidden.shape.columns
  let records = pass.tape.map { $0.keeping != .nothing } ?? false
  let hiddenGradient = records ? pass.engine.zeros(hidden.shape) : nil
  let found = Gradients(engine: pass.engine)
  var each: [Float] = []
  each.reserveCapacity(targets.count)
  var wantsGradient = false
  for part in headChunks(of: targets.count, vocabulary: vocabulary) {
    let input = pass.tensor([part.count, columns])
    for (index, row) in rows[part].enumerated() {
      (input.pointer + index * columns).update(
        from: hidden.pointer + Int(row) * columns, count: columns)
    }
    input.needsGradient = hidden.needsGradient
    let tape = pass.tape.map { _ in Tape(keeping: records ? .whole : .nothing) }
    let logits = head(input, tape.map { pass.recording(on: $0) } ?? pass)
    let goesBack = records && logits.needsGradient
    wantsGradient = wantsGradient || logits.needsGradient
    let losses = pass.tensor([part.count])
    Array(targets[part]).withUnsafeBufferPointer { targets in
      guard let targets = targets.baseAddress else { return }
      pass.pool.run(pieces: part.count) { row in
        hk_cross_entropy(
          logits.pointer + row * vocabulary, targets + row, goesBack ? weight : 0, 1,
          Int64(vocabulary), losses.pointer + row)
      }
    }
    each.append(contentsOf: losses.values)
    guard goesBack, let tape, let hiddenGradient else { continue }
    // The logits have become their own gradient.
    let gradients = tape.gradients(of: logits, seed: logits, in: pass.engine)
    if let gradient = gradients[input] {
      for (index, row) in rows[part].enumerated() {
        hk_axpy(
          Int64(columns), 1, gradient.pointer + index * columns,
          hiddenGradient.pointer + Int(row) * columns)
      }
    }
    gradients.forget(input.key)
    found.absorb(gradients)
  }
  let total = pass.tensor([1])
  total.pointer[0] = Float(each.reduce(0.0) { $0 + Double($1) } * Double(weight))
  guard let tape = pass.tape, wantsGradient else { return TokenLosses(total: total, each: each) }
  total.needsGradient = true
  tape.append(name: "headCrossEntropy", outputs: [total], saved: hiddenGradient?.byteCount ?? 0) {
    [hidden = hidden.key, key = total.key] gradients, _ in
    guard let seed = gradients[key]?.pointer[0], let hiddenGradient else { return }
    if hidden.needsGradient {
      if seed != 1 { hk_scale(Int64(hidden.shape.count), seed, hiddenGradient.pointer) }
      gradients.add(hiddenGradient, to: hidden)
    }
    gradients.absorb(found, times: seed)
  }
  return TokenLosses(total: total, each: each)
}

/// How many tokens pass a head together: at most about 100 MB of logits, in equal parts. The head is
/// decoded anew for each, so many rows at a time cost less; a small rest would cost as much as a part.
func headChunks(of count: Int, vocabulary: Int) -> [Range<Int>] {
  let limit = max(16, (25 << 20) / max(vocabulary, 1))
  let chunkCount = max(1, (count + limit - 1) / limit)
  let size = max(1, (count + chunkCount - 1) / chunkCount)
  return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
}
