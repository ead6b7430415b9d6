import HoneTensors

/// A low-rank change of a projection: `scale · up down x`.
struct LowRank {
  /// `[rank x inputs]`.
  var down: Tensor
  /// `[outputs x rank]`.
  var up: Tensor
  var scale: Float
  /// What the change sees in the input's place, for dropout; nil for the same.
  var input: Tensor?
}

/// Several projections of one input, each with its low-rank change.
func projected(
  _ input: Tensor, through weights: [Weight], lowRank: [LowRank?], in pass: Pass
) -> [Tensor] {
  zip(projected(input, through: weights, in: pass), lowRank).map { output, change in
    guard let change else { return output }
    let inner = multiplied(change.input ?? input, by: change.down, in: pass)
    let outer = multiplied(inner, by: change.up, in: pass)
    return added(output, scaled(outer, by: change.scale, in: pass), in: pass)
  }
}

/// Each number zero with a probability, and else divided by what is left of it.
func dropped(_ input: Tensor, probability: Float, key: String, in pass: Pass) -> Tensor {
  precondition(probability == 0 || pass.random == nil, "dropout comes with the recorded operation")
  return input
}
