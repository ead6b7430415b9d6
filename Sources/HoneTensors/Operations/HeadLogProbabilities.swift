import Foundation
import HoneKernels

/// What a head says of tokens, one number a token.
package struct TokenScores {
  /// The natural logarithm of each token's probability, `[tokens]`, recorded.
  package var logProbabilities: Tensor
  /// The entropy of each prediction, in nats; empty where it was not asked for.
  package var entropies: [Float] = []
  /// `log Σ p²` of each prediction: the logarithm of the probability that a token drawn from it has
  /// on average; empty where it was not asked for.
  package var logSquareSums: [Float] = []
}

/// The log-probabilities of tokens after hidden states, through a head, a few rows at a time: the
/// matrix of tokens x vocabulary never exists.
///
/// While recording, each chunk's derivative is taken back to its hidden states at once, a row a
/// token; the way back scales the rows. Where the head itself is trained, it computes the logits
/// anew instead.
///
/// - Parameters:
///   - hidden: `[rows x hidden]`.
///   - rows: the row that each target follows.
///   - targets: the tokens.
///   - vocabulary: how many logits the head gives a row.
///   - statistics: whether entropies and square sums are wanted too.
///   - head: hidden states to logits.
package func headLogProbabilities(
  _ hidden: Tensor, rows: [Int32], targets: [Int32], vocabulary: Int, statistics: Bool,
  in pass: Pass, head: @escaping (Tensor, Pass) -> Tensor
) -> TokenScores {
  precondition(rows.count == targets.count, "\(rows.count) rows of \(targets.count) targets")
  let columns = hidden.shape.columns
  let chunks = headChunks(of: targets.count, vocabulary: vocabulary)
  let output = pass.tensor([targets.count])
  var scores = TokenScores(logProbabilities: output)
  let tape = pass.tape.flatMap { $0.keeping == .nothing ? nil : $0 }
  let trainsHead = tape != nil && isTrained(head, columns: columns, in: pass)
  let slopes =
    tape != nil && hidden.needsGradient && !trainsHead
    ? pass.engine.tensor([targets.count, columns]) : nil

  for part in chunks {
    let input = gathered(rows[part], of: hidden, in: pass)
    input.needsGradient = slopes != nil
    let own = slopes.map { _ in Tape() }
    let logits = head(
      input, own.map(pass.recording(on:)) ?? Pass(pass.engine, random: pass.random))
    let entropies = pass.tensor([part.count])
    let squares = pass.tensor([part.count])
    let start = part.lowerBound
    pass.pool.run(pieces: part.count) { row in
      let numbers = logits.pointer + row * vocabulary
      let before = statistics ? Array(UnsafeBufferPointer(start: numbers, count: vocabulary)) : []
      var target = targets[start + row]
      var loss: Float = 0
      // The logits become the derivative of the log-probability: 1 at the target, less softmax.
      hk_cross_entropy(numbers, &target, -1, 1, Int64(vocabulary), &loss)
      output.pointer[start + row] = -loss
      guard statistics else { return }
      // H = log Σ eᶻ - Σ p z = loss + Σ (onehot - p) z.
      var product = 0.0
      for index in 0..<vocabulary { product += Double(numbers[index] * before[index]) }
      entropies.pointer[row] = Float(Double(loss) + product)
      let probability = exp(-Double(loss))
      let rest = 1 - probability
      let sum = hk_square_sum(numbers, Int64(vocabulary)) - rest * rest + probability * probability
      squares.pointer[row] = Float(log(max(sum, 1e-30)))
    }
    if statistics {
      scores.entropies += entropies.values
      scores.logSquareSums += squares.values
    }
    guard let slopes, let own else { continue }
    let gradients = own.gradients(of: logits, seed: logits, in: pass.engine)
    guard let gradient = gradients[input] else { continue }
    (slopes.pointer + start * columns).update(
      from: gradient.pointer, count: part.count * columns)
  }

  guard let tape, slopes != nil || trainsHead else { return scores }
  output.needsGradient = true
  let (key, hiddenKey) = (output.key, hidden.key)
  if let slopes {
    tape.append(name: "headLogProbabilities", outputs: [output], saved: slopes.byteCount) {
      gradients, _ in
      guard let seed = gradients[key], let sum = gradients.accumulator(for: hiddenKey) else {
        return
      }
      for (index, row) in rows.enumerated() where seed.pointer[index] != 0 {
        hk_axpy(
          Int64(columns), seed.pointer[index], slopes.pointer + index * columns,
          sum.pointer + Int(row) * columns)
      }
    }
    return scores
  }
  guard let kept = pass.keep(hidden) else { return scores }
  tape.append(name: "headLogProbabilities", outputs: [output], saved: 0) {
    [random = pass.random] gradients, pass in
    guard let seed = gradients[key] else { return }
    let hidden = kept.tensor(in: pass)
    for part in chunks {
      let input = gathered(rows[part], of: hidden, in: pass)
      input.needsGradient = hiddenKey.needsGradient
      let again = Tape()
      let logits = head(input, Pass(pass.engine, tape: again, random: random))
      let start = part.lowerBound
      pass.pool.run(pieces: part.count) { row in
        let numbers = logits.pointer + row * vocabulary
        let scale = -seed.pointer[start + row]
        guard scale != 0 else { return numbers.update(repeating: 0, count: vocabulary) }
        var target = targets[start + row]
        var loss: Float = 0
        hk_cross_entropy(numbers, &target, scale, 1, Int64(vocabulary), &loss)
      }
      let found = again.gradients(of: logits, seed: logits, in: pass.engine)
      if let gradient = found[input], let sum = gradients.accumulator(for: hiddenKey) {
        for (index, row) in rows[part].enumerated() {
          hk_axpy(
            Int64(columns), 1, gradient.pointer + index * columns,
            sum.pointer + Int(row) * columns)
        }
      }
      found.forget(input.key)
      gradients.absorb(found)
    }
  }
  return scores
}

/// Whether a head has anything that is trained.
private func isTrained(
  _ head: (Tensor, Pass) -> Tensor, columns: Int, in pass: Pass
) -> Bool {
  let probe = pass.engine.zeros([1, columns])
  return head(probe, pass.recording(on: Tape(keeping: .nothing))).needsGradient
}

private func gathered(_ rows: ArraySlice<Int32>, of hidden: Tensor, in pass: Pass) -> Tensor {
  let columns = hidden.shape.columns
  let output = pass.tensor([rows.count, columns])
  for (index, row) in rows.enumerated() {
    (output.pointer + index * columns).update(
      from: hidden.pointer + Int(row) * columns, count: columns)
  }
  return output
}
