/// Dropout: each number is zero with the given probability, else divided by what is left of one.
///
/// Draws come from the pass's random source and depend on the place and the number's index alone.
///
/// Srivastava et al., "Dropout", 2014.
///
/// - Parameters:
///   - probability: in [0, 1), in steps of 2^-16.
///   - place: tells apart the dropouts of one pass.
package func dropped(
  _ input: Tensor, probability: Float, place: Int, in pass: Pass
) -> Tensor {
  guard probability > 0, let random = pass.random else { return input }
  let output = masked(input, random, probability: probability, place: place, in: pass)
  if let kept = pass.keep(input) {
    output.recomputing = {
      masked(kept.tensor(in: $0), random, probability: probability, place: place, in: $0)
    }
  }
  pass.record("dropped", inputs: [input], outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    gradients.add(
      masked(gradient, random, probability: probability, place: place, in: pass), to: input)
  }
  return output
}

private func masked(
  _ input: Tensor, _ random: RandomSource, probability: Float, place: Int, in pass: Pass
) -> Tensor {
  let output = pass.tensor(input.shape)
  let count = input.shape.count
  let threshold = UInt32((probability * 65536).rounded())
  let scale = 1 / (1 - probability)
  let base = UInt64(place) << 40
  // One draw serves eight numbers.
  pass.pool.run(rows: (count + 7) / 8, columns: 8) { groups in
    for group in groups {
      let draw = random.words(base | UInt64(group))
      for (index, word) in [draw.0, draw.1, draw.2, draw.3].enumerated() {
        for (half, bits) in [word & 0xffff, word >> 16].enumerated() {
          let at = group * 8 + index * 2 + half
          guard at < count else { return }
          output.pointer[at] = bits < threshold ? 0 : input.pointer[at] * scale
        }
      }
    }
  }
  return output
}
