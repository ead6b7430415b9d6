import Foundation

/// `cap · tanh(x / cap)`, number by number: large numbers come near the cap and never above it.
///
/// The way back: `dx = dy (1 - tanh²(x / cap))`. Bello et al., "Neural combinatorial optimization with
/// reinforcement learning", 2016; Gemma 2's logits.
package func softCapped(_ input: Tensor, at cap: Float, in pass: Pass) -> Tensor {
  let output = pass.tensor(input.shape)
  pass.pool.run(rows: input.shape.count, columns: 8) { range in
    for index in range { output.pointer[index] = cap * tanh(input.pointer[index] / cap) }
  }
  // The input is kept, since a loss turns logits into their gradient in place.
  guard let kept = pass.keep(input) else { return output }
  pass.record("softCapped", inputs: [input], outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let seen = kept.tensor(in: pass)
    let inputGradient = pass.tensor(seen.shape)
    pass.pool.run(rows: seen.shape.count, columns: 8) { range in
      for index in range {
        let share = tanh(seen.pointer[index] / cap)
        inputGradient.pointer[index] = gradient.pointer[index] * (1 - share * share)
      }
    }
    gradients.add(inputGradient, to: input)
  }
  return output
}
