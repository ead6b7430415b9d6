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
  let inner = updates.map { $0.map { pass.tensor([rows, $0.rank]) } }

  var products =
    pass.omitsOutputs ? [] : zip(weights, outputs).map { hk_product($0, rows: $1) }
  for (update, inner) in zip(updates, inner) {
    if let update, let inner, update.input == nil {
      products.append(hk_product(update.down, rows: inner))
    }
  }
  multiply(input, products, in: pass)
  for (index, update) in updates.enumerated() {
    guard let update, let inner = inner[index] else { continue }
    if let dropped = update.input {
      multiply(dropped, [hk_product(update.down, rows: inner)], in: pass)
    }
    if pass.omitsOutputs { continue }
    // The kernels of decoding take no scale, and then nothing is kept for a way back.
    let scalesFirst = pass.isDecoding && pass.tape == nil
    if scalesFirst { hk_scale(Int64(inner.shape.count), update.scale, inner.pointer) }
    multiply(
      inner, [hk_product(update.up, rows: outputs[index], accumulate: true)],
      scale: scalesFirst ? 1 : update.scale, in: pass)
  }

  let present = updates.compactMap { $0 }
  let inputs = [input] + present.flatMap { [$0.down, $0.up] + ($0.input.map { [$0] } ?? []) }
  let kept = present.contains { $0.input == nil } ? pass.keep(input) : nil
  let keptInputs = updates.map { $0?.input.flatMap(pass.keep) }
  pass.record(
    "projected", inputs: inputs, outputs: outputs,
    saving: inner.reduce(0) { $0 + ($1?.byteCount ?? 0) }
  ) { [input = input.key, outputs = outputs.map(\.key)] gradients, pass in
    var inputGradient: Tensor?
    for (index, weight) in weights.enumerated() {
      guard let gradient = gradients[outputs[index]] else { continue }
      let update = updates[index]
      var products: [hk_product] = []
      if input.needsGradient {
        let accumulate = inputGradient != nil
        let target = inputGradient ?? pass.tensor(input.shape)
        inputGradient = target
        products.append(hk_product(weight, columns: target, accumulate: accumulate))
      }
      guard let update, let inner = inner[index] else {
        multiply(gradient, products, in: pass)
        continue
      }
      let innerGradient = pass.tensor(inner.shape)
      products.append(hk_product(update.up, columns: innerGradient))
      multiply(gradient, products, in: pass)
      hk_scale(Int64(innerGradient.shape.count), update.scale, innerGradient.pointer)
      if let sum = gradients.accumulator(for: update.up.key) {
        // The product's transpose, since wide operands are packed faster on the right.
        let transposed = pass.tensor([update.rank, weight.rows])
        multiply(
          transposing: inner, [hk_product(gradient, columns: transposed)], scale: update.scale,
          in: pass)
        add(transposed, transposedTo: sum)
      }
      let dropped = keptInputs[index]
      if let sum = gradients.accumulator(for: update.down.key),
        let seen = (dropped ?? kept)?.tensor(in: pass)
      {
        multiply(
          transposing: innerGradient, [hk_product(seen, columns: sum, accumulate: true)], in: pass)
      }
      if let dropped {
        guard dropped.key.needsGradient else { continue }
        let target = pass.tensor(dropped.key.shape)
        multiply(innerGradient, [hk_product(update.down, columns: target)], in: pass)
        gradients.add(target, to: dropped.key)
      } else if let inputGradient {
        multiply(
          innerGradient, [hk_product(update.down, columns: inputGradient, accumulate: true)],
          in: pass)
      }
    }
    if let inputGradient { gradients.add(inputGradient, to: input) }
  }
  return outputs
}

extension hk_product {
  /// `x Wᵀ`, by the matrix's rows.
  fileprivate init(_ weight: Weight, rows output: Tensor) {
    self.init(
      matrix: weight.bytes, format: weight.format.kernelFormat,
      row_bytes: Int64(weight.bytesPerRow), columns: Int64(weight.rows), by_columns: false,
      accumulate: false, out: output.pointer, out_stride: Int64(weight.rows))
  }

  /// `x W`, by the matrix's columns.
  fileprivate init(_ weight: Weight, columns output: Tensor, accumulate: Bool) {
    self.init(
      matrix: weight.bytes, format: weight.format.kernelFormat,
      row_bytes: Int64(weight.bytesPerRow), columns: Int64(weight.columns), by_columns: true,
      accumulate: accumulate, out: output.pointer, out_stride: Int64(weight.columns))
  }

  fileprivate init(_ matrix: Tensor, rows output: Tensor, accumulate: Bool = false) {
    let (rows, columns) = (matrix.shape.rows, matrix.shape.columns)
    self.init(
      matrix: matrix.pointer, format: HK_F32, row_bytes: Int64(columns * 4), columns: Int64(rows),
      by_columns: false, accumulate: accumulate, out: output.pointer, out_stride: Int64(rows))
  }

  fileprivate init(_ matrix: Tensor, columns output: Tensor, accumulate: Bool = false) {
    let columns = matrix.shape.columns
    self.init(
      matrix: matrix.pointer, format: HK_F32, row_bytes: Int64(columns * 4),
      columns: Int64(columns), by_columns: true, accumulate: accumulate, out: output.pointer,
      out_stride: Int64(columns))
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

/// Products that share a left operand, `[rows x depth]`.
private func multiply(
  _ left: Tensor, _ products: [hk_product], scale: Float = 1, in pass: Pass
) {
  guard !products.isEmpty else { return }
  let depth = Int64(left.shape.columns)
  let operand = hk_left(data: left.pointer, stride: depth, transposed: false, scale: scale)
  let compute = pass.engine.compute.kernelCompute
  let (rows, count) = (Int64(left.shape.rows), Int32(products.count))
  if pass.isDecoding {
    hk_gemm_few(pass.pool.handle, compute, operand, rows, depth, products, count)
  } else {
    hk_gemm(pass.pool.handle, compute, operand, rows, depth, products, count)
  }
}

/// The same with a left operand that is stored the other way, `[depth x rows]`.
private func multiply(
  transposing left: Tensor, _ products: [hk_product], scale: Float = 1, in pass: Pass
) {
  let rows = Int64(left.shape.columns)
  hk_gemm(
    pass.pool.handle, pass.engine.compute.kernelCompute,
    hk_left(data: left.pointer, stride: rows, transposed: true, scale: scale), rows,
    Int64(left.shape.rows), products, Int32(products.count))
}
