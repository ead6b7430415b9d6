import HoneKernels

/// A trained change of a matrix, two products of low rank multiplied number by number:
/// `D = scale · (A₁ B₁) ∘ (A₂ B₂)`.
///
/// It has up to the square of their rank, in as many numbers as twice theirs. Hyeon-Woo et al.,
/// "FedPara: low-rank Hadamard product for communication-efficient federated learning", 2022.
package struct HadamardChange {
  /// `A`, each `[outputs x rank]`.
  package var outer: (Tensor, Tensor)
  /// `B`, each `[rank x inputs]`.
  package var inner: (Tensor, Tensor)
  package var scale: Float

  package init(outer: (Tensor, Tensor), inner: (Tensor, Tensor), scale: Float) {
    self.outer = outer
    self.inner = inner
    self.scale = scale
  }

  package var rank: Int { inner.0.shape[0] }
  package var shape: Shape { [outer.0.shape[0], inner.0.shape[1]] }

  /// Whether the square of the rank is so small that products with all pairs of columns are cheaper
  /// than those with the matrix.
  package var isNarrow: Bool { rank * rank * (shape[0] + shape[1]) < shape[0] * shape[1] }

  /// The same change as an update of the rank's square: a column of `A` is one of `A₁` times one of
  /// `A₂`, a row of `B` one of `B₁` times one of `B₂`, for every pair.
  package func lowRank(in pass: Pass) -> LowRank {
    LowRank(
      down: pairedRows(inner.0, inner.1, in: pass), up: pairedColumns(outer.0, outer.1, in: pass),
      scale: scale)
  }

  /// `A B` of one of the two.
  private func factor(_ outer: Tensor, _ inner: Tensor, in pass: Pass) -> Tensor {
    let output = pass.tensor(shape)
    matrixProduct(
      outer, rows: shape[0], depth: rank, inner, byColumns: true, into: output, in: pass)
    return output
  }

  /// `D`.
  package func matrix(in pass: Pass) -> Tensor {
    let (first, second) = (
      factor(outer.0, inner.0, in: pass), factor(outer.1, inner.1, in: pass)
    )
    Self.multiply(first, second, scale, into: first, in: pass)
    return first
  }

  /// `out = scale a ∘ b`.
  private static func multiply(
    _ a: Tensor, _ b: Tensor, _ scale: Float, into output: Tensor, in pass: Pass
  ) {
    pass.pool.run(rows: a.shape.count, columns: 1) { range in
      let (start, count) = (range.lowerBound, Int64(range.count))
      hk_multiply(a.pointer + start, b.pointer + start, count, output.pointer + start)
      if scale != 1 { hk_scale(count, scale, output.pointer + start) }
    }
  }

  /// Adds what the gradient of `D` means for the four matrices.
  fileprivate func add(_ gradient: Tensor, to gradients: Gradients, in pass: Pass) {
    let pairs = [(outer.0, inner.0), (outer.1, inner.1)]
    let factor = pass.tensor(shape)
    for (own, other) in [(pairs[0], pairs[1]), (pairs[1], pairs[0])] {
      matrixProduct(
        other.0, rows: shape[0], depth: rank, other.1, byColumns: true, into: factor, in: pass)
      Self.multiply(factor, gradient, scale, into: factor, in: pass)
      if let sum = gradients.accumulator(for: own.0.key) {
        matrixProduct(
          factor, rows: shape[0], depth: shape[1], own.1, byColumns: false, accumulate: true,
          into: sum, in: pass)
      }
      if let sum = gradients.accumulator(for: own.1.key) {
        matrixProduct(
          own.0, transposed: true, rows: rank, depth: shape[0], factor, byColumns: true,
          accumulate: true, into: sum, in: pass)
      }
    }
  }
}

/// `x Dᵀ`; `D` is formed anew on the way back and never kept.
package func multiplied(_ input: Tensor, by change: HadamardChange, in pass: Pass) -> Tensor {
  let (shape, rows) = (change.shape, input.shape.rows)
  precondition(input.shape.columns == shape[1], "\(input.shape) through \(shape)")
  let output = pass.tensor([rows, shape[0]])
  matrixProduct(
    input, rows: rows, depth: shape[1], change.matrix(in: pass), byColumns: false, into: output,
    in: pass)
  let kept = pass.keep(input)
  let inputs = [input, change.outer.0, change.outer.1, change.inner.0, change.inner.1]
  pass.record("hadamardChange", inputs: inputs, outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    if input.needsGradient {
      let target = pass.tensor(input.shape)
      matrixProduct(
        gradient, rows: rows, depth: shape[0], change.matrix(in: pass), byColumns: true,
        into: target, in: pass)
      gradients.add(target, to: input)
    }
    guard let seen = kept?.tensor(in: pass) else { return }
    let whole = pass.tensor(shape)
    matrixProduct(
      gradient, transposed: true, rows: shape[0], depth: rows, seen, byColumns: true,
      into: whole, in: pass)
    change.add(whole, to: gradients, in: pass)
  }
  return output
}
