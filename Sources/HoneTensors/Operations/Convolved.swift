import HoneKernels

/// A causal convolution of each column by itself: `yₜ = Σⱼ wⱼ xₛ₍ₜ,ⱼ₎`, where `s(t, j)` is the row that
/// stands `length - 1 - j` before `t` in its sequence, nothing before the sequence's first.
///
/// The way back: `dxₛ = Σ wⱼ dyₜ`, `dwⱼ = Σₜ dyₜ xₛ₍ₜ,ⱼ₎`.
///
/// - Parameters:
///   - input: `[rows x columns]`.
///   - kernel: a number for each column and place, in any shape of columns x length.
///   - sources: for each row that is wanted its `length` rows of the input, the latest last; -1 for
///     none.
/// - Returns: a row for each that is wanted.
package func convolved(
  _ input: Tensor, by kernel: Tensor, sources: [Int32], in pass: Pass
) -> Tensor {
  let columns = input.shape.columns
  let length = kernel.shape.count / columns
  precondition(
    kernel.shape.count == length * columns && sources.count % length == 0,
    "a kernel of \(kernel.shape) for \(input.shape)")
  let rows = sources.count / length
  let output = pass.engine.zeros([rows, columns])
  let factors = transposed(kernel, columns: columns, in: pass)
  // Columns are independent of each other, so they are what is shared out.
  let share = 256
  let pieces = (columns + share - 1) / share
  pass.pool.run(pieces: pieces) { piece in
    let (start, count) = (piece * share, min(share, columns - piece * share))
    for (index, source) in sources.enumerated() where source >= 0 {
      hk_multiply_add(
        input.pointer + Int(source) * columns + start,
        factors.pointer + index % length * columns + start, Int64(count),
        output.pointer + index / length * columns + start)
    }
  }
  let kept = kernel.needsGradient ? pass.keep(input) : nil
  pass.record("convolved", inputs: [input, kernel], outputs: [output]) {
    [inputKey = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    if inputKey.needsGradient {
      let change = pass.engine.zeros(inputKey.shape)
      pass.pool.run(pieces: pieces) { piece in
        let (start, count) = (piece * share, min(share, columns - piece * share))
        for (index, source) in sources.enumerated() where source >= 0 {
          hk_multiply_add(
            gradient.pointer + index / length * columns + start,
            factors.pointer + index % length * columns + start, Int64(count),
            change.pointer + Int(source) * columns + start)
        }
      }
      gradients.add(change, to: inputKey)
    }
    guard let sum = gradients.accumulator(for: kernel.key), let input = kept?.tensor(in: pass)
    else { return }
    let change = pass.engine.zeros([length, columns])
    for (index, source) in sources.enumerated() where source >= 0 {
      hk_multiply_add(
        gradient.pointer + index / length * columns, input.pointer + Int(source) * columns,
        Int64(columns), change.pointer + index % length * columns)
    }
    for column in 0..<columns {
      for place in 0..<length {
        sum.pointer[column * length + place] += change.pointer[place * columns + column]
      }
    }
  }
  return output
}

/// A kernel with its places as rows, so that columns lie beside each other.
private func transposed(_ kernel: Tensor, columns: Int, in pass: Pass) -> Tensor {
  let length = kernel.shape.count / columns
  let result = pass.tensor([length, columns])
  for place in 0..<length {
    for column in 0..<columns {
      result.pointer[place * columns + column] = kernel.pointer[column * length + place]
    }
  }
  return result
}
