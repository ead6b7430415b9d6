import HoneKernels

/// A trained update of a frozen matrix, `scale · up · down`.
///
/// Hu et al., "LoRA: low-rank adaptation of large language models", 2021.
package struct LowRank {
  /// `[rank x inputs]`, LoRA's A.
  package var down: Tensor
  /// `[outputs x rank]`, LoRA's B.
  package var up: Tensor
  package var scale: Float
  /// What the update sees in place of the projection's input, after dropout; nil for the input.
  package var input: Tensor?

  package init(down: Tensor, up: Tensor, scale: Float, input: Tensor? = nil) {
    self.down = down
    self.up = up
    self.scale = scale
    self.input = input
  }

  package var rank: Int { down.shape[0] }
}

/// `x Wᵀ` for each of several frozen weights that share an input, each with an update of low rank or
/// without: `x Wᵀ + scale · (x downᵀ) upᵀ`.
///
/// The way back, `dx = Σ dyᵢ Wᵢ`, goes to the input and the updates alone: frozen weights get no
/// gradient.
///
/// - Parameters:
///   - input: `[tokens x inputs]`.
///   - weights: each `outputs x inputs`.
///   - updates: one a weight, nil for none; or no list at all.
/// - Returns: one `[tokens x outputs]` a weight.
package func projected(
  _ input: Tensor, through weights: [Weight], lowRank updates: [LowRank?] = [], in pass: Pass
) -> [Tensor] {
  let rows = input.shape.rows
  for weight in weights {
    precondition(
      weight.columns == input.shape.columns,
      "a weight of \(weight.rows) x \(weight.columns) for an input of \(input.shape)")
  }
  let updates = updates.isEmpty ? weights.map { _ in nil } : updates
  precondition(updates.count == weights.count, "\(updates.count) updates of \(weights.count)")
  let outputs = weights.map { pass.tensor([rows, $0.rows]) }
  // The inner products of all updates stand side by side.
  let ranges = InnerRanges(updates)
  let inner = ranges.count == 0 ? nil : pass.tensor([rows, ranges.count])
  if pass.isDecoding && pass.tape == nil {
    decode(input, through: weights, updates, ranges, inner, into: outputs, in: pass)
  } else {
    forward(input, through: weights, updates, ranges, inner, into: outputs, in: pass)
  }

  let present = updates.compactMap { $0 }
  let inputs = [input] + present.flatMap { [$0.down, $0.up] + ($0.input.map { [$0] } ?? []) }
  let kept = present.contains { $0.input == nil } ? pass.keep(input) : nil
  let keptInputs = updates.map { $0?.input.flatMap(pass.keep) }
  pass.record(
    "projected", inputs: inputs, outputs: outputs, saving: inner?.byteCount ?? 0
  ) { [input = input.key, outputs = outputs.map(\.key)] gradients, pass in
    let found = outputs.map { gradients[$0] }
    guard found.contains(where: { $0 != nil }) else { return }
    let innerGradient = inner.map { pass.tensor($0.shape) }
    let inputGradient = input.needsGradient ? pass.tensor(input.shape) : nil
    back(
      found, through: weights, updates, ranges, innerGradient, into: inputGradient, in: pass)
    for (index, update) in updates.enumerated() {
      guard let update, let inner, let innerGradient, let gradient = found[index] else { continue }
      if let sum = gradients.accumulator(for: update.up.key) {
        // The product's transpose, since wide operands are packed faster on the right.
        let transposed = pass.tensor([update.rank, weights[index].rows])
        var products = MatrixProducts(rows: update.rank)
        let left = products.left(
          inner, columns: ranges[index], transposed: true, scale: update.scale)
        products.begin(into: transposed)
        products.term(left, gradient, byColumns: true)
        products.run(in: pass)
        add(transposed, transposedTo: sum)
      }
      if let dropped = keptInputs[index] {
        addDownGradients(
          [(update, ranges[index])], innerGradient, dropped, gradients: gradients, in: pass)
        guard dropped.key.needsGradient else { continue }
        let target = pass.tensor(dropped.key.shape)
        var products = MatrixProducts(rows: rows)
        let left = products.left(innerGradient, columns: ranges[index], scale: update.scale)
        products.begin(into: target)
        products.term(left, update.down, byColumns: true)
        products.run(in: pass)
        gradients.add(target, to: dropped.key)
      }
    }
    if let kept, let innerGradient {
      let plain = updates.enumerated().compactMap { index, update in
        update.flatMap { $0.input == nil && found[index] != nil ? ($0, ranges[index]) : nil }
      }
      addDownGradients(plain, innerGradient, kept, gradients: gradients, in: pass)
    }
    if let inputGradient { gradients.add(inputGradient, to: input) }
  }
  return outputs
}

/// Which columns of the inner products belong to which update.
private struct InnerRanges {
  private var ends: [Int] = [0]

  init(_ updates: [LowRank?]) {
    for update in updates { ends.append(ends.last! + (update?.rank ?? 0)) }
  }

  var count: Int { ends.last! }
  subscript(index: Int) -> Range<Int> { ends[index]..<ends[index + 1] }
}

/// Inner products first, then each output as the sum of its two products. While a prompt is read the
/// weights are multiplied by themselves, since they alone may be multiplied in bytes.
private func forward(
  _ input: Tensor, through weights: [Weight], _ updates: [LowRank?], _ ranges: InnerRanges,
  _ inner: Tensor?, into outputs: [Tensor], in pass: Pass
) {
  let isApart = pass.isReading && inner != nil
  if isApart {
    forward(input, through: weights, weights.map { _ in nil }, ranges, nil, into: outputs, in: pass)
  }
  var products = MatrixProducts(rows: input.shape.rows)
  let left = products.left(input)
  for (index, update) in updates.enumerated() {
    guard let update, let inner else { continue }
    let seen = update.input.map { products.left($0) } ?? left
    products.begin(into: inner, columns: ranges[index])
    products.term(seen, update.down)
  }
  if !pass.omitsOutputs {
    for (index, weight) in weights.enumerated() where !isApart || updates[index] != nil {
      products.begin(into: outputs[index], accumulate: isApart, later: inner != nil)
      if !isApart { products.term(left, weight) }
      guard let update = updates[index], let inner else { continue }
      let low = products.left(inner, columns: ranges[index], scale: update.scale)
      products.term(low, update.up)
    }
  }
  products.run(in: pass)
}

/// The same by the kernels of decoding, which take one term a product and no scale.
private func decode(
  _ input: Tensor, through weights: [Weight], _ updates: [LowRank?], _ ranges: InnerRanges,
  _ inner: Tensor?, into outputs: [Tensor], in pass: Pass
) {
  let rows = input.shape.rows
  var products = MatrixProducts(rows: rows)
  _ = products.left(input)
  for (weight, output) in zip(weights, outputs) {
    products.begin(into: output)
    products.term(0, weight)
  }
  let inners = updates.map { $0.map { pass.tensor([rows, $0.rank]) } }
  for (update, inner) in zip(updates, inners) {
    guard let update, let inner, update.input == nil else { continue }
    products.begin(into: inner)
    products.term(0, update.down)
  }
  products.run(few: true, in: pass)
  for (index, update) in updates.enumerated() {
    guard let update, let inner = inners[index] else { continue }
    if let dropped = update.input {
      multiplyFew(dropped, update.down, into: inner, in: pass)
    }
    hk_scale(Int64(inner.shape.count), update.scale, inner.pointer)
    multiplyFew(inner, update.up, into: outputs[index], accumulate: true, in: pass)
  }
}

private func multiplyFew(
  _ left: Tensor, _ matrix: Tensor, into output: Tensor, accumulate: Bool = false, in pass: Pass
) {
  var products = MatrixProducts(rows: left.shape.rows)
  let operand = products.left(left)
  products.begin(into: output, accumulate: accumulate)
  products.term(operand, matrix)
  products.run(few: true, in: pass)
}

/// The inner products' gradients, `dy up`, and the input's, `Σ dy W + scale · (dy up) down`.
private func back(
  _ gradients: [Tensor?], through weights: [Weight], _ updates: [LowRank?], _ ranges: InnerRanges,
  _ innerGradient: Tensor?, into inputGradient: Tensor?, in pass: Pass
) {
  guard let rows = gradients.lazy.compactMap({ $0?.shape.rows }).first else { return }
  var products = MatrixProducts(rows: rows)
  let lefts = gradients.map { $0.map { products.left($0) } }
  for (index, update) in updates.enumerated() {
    guard let update, let innerGradient, let left = lefts[index] else { continue }
    products.begin(into: innerGradient, columns: ranges[index])
    products.term(left, update.up, byColumns: true)
  }
  if let inputGradient {
    products.begin(into: inputGradient, later: innerGradient != nil)
    for (index, weight) in weights.enumerated() {
      guard let left = lefts[index] else { continue }
      products.term(left, weight, byColumns: true)
      guard let update = updates[index], update.input == nil, let innerGradient else { continue }
      let low = products.left(innerGradient, columns: ranges[index], scale: update.scale)
      products.term(low, update.down, byColumns: true)
    }
  }
  products.run(in: pass)
}

/// `d down += scale · (dy up)ᵀ x` of updates that saw the same input, in one product.
private func addDownGradients(
  _ updates: [(update: LowRank, range: Range<Int>)], _ innerGradient: Tensor, _ input: Kept,
  gradients: Gradients, in pass: Pass
) {
  let wanted = updates.filter { $0.update.down.needsGradient }
  guard let first = wanted.first else { return }
  let seen = input.tensor(in: pass)
  func multiply(_ columns: Range<Int>, scale: Float, into sum: Tensor, accumulate: Bool) {
    var products = MatrixProducts(rows: columns.count)
    let left = products.left(innerGradient, columns: columns, transposed: true, scale: scale)
    products.begin(into: sum, accumulate: accumulate)
    products.term(left, seen, byColumns: true)
    products.run(in: pass)
  }
  if wanted.count == 1 {
    guard let sum = gradients.accumulator(for: first.update.down.key) else { return }
    return multiply(first.range, scale: first.update.scale, into: sum, accumulate: true)
  }
  let columns = first.range.lowerBound..<wanted[wanted.count - 1].range.upperBound
  let together = pass.tensor([columns.count, seen.shape.columns])
  multiply(columns, scale: 1, into: together, accumulate: false)
  for (update, range) in wanted {
    guard let sum = gradients.accumulator(for: update.down.key) else { continue }
    let start = (range.lowerBound - columns.lowerBound) * seen.shape.columns
    hk_axpy(Int64(sum.shape.count), update.scale, together.pointer + start, sum.pointer)
  }
}

/// `sum += matrixᵀ`.
private func add(_ matrix: Tensor, transposedTo sum: Tensor) {
  let (rows, columns) = (matrix.shape.rows, matrix.shape.columns)
  for column in 0..<columns {
    for row in 0..<rows {
      sum.pointer[column * rows + row] += matrix.pointer[row * columns + column]
    }
  }
}
