#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One direction of a layer of long short-term memory, from the first row to the last or back.
///
/// With `[i f g o] = xₜ + W hₜ₋₁`: `cₜ = σ(f) cₜ₋₁ + σ(i) tanh(g)`, `hₜ = σ(o) tanh(cₜ)`, from zeros.
/// Hochreiter & Schmidhuber, "Long short-term memory", 1997; gates in PyTorch's order.
///
/// - Parameters:
///   - input: what each row adds to the gates, `[rows x 4 · width]`: its own product and the biases.
///   - matrix: `W`, `[4 · width x width]`.
///   - reversed: whether the last row comes first.
/// - Returns: `h`, `[rows x width]`.
package func recurred(
  _ input: Tensor, through matrix: Tensor, reversed: Bool = false, in pass: Pass
) -> Tensor {
  let (rows, width) = (input.shape.rows, matrix.shape[1])
  precondition(
    matrix.shape[0] == 4 * width && input.shape.columns == 4 * width,
    "\(input.shape) through \(matrix.shape)")
  let order = reversed ? Array((0..<rows).reversed()) : Array(0..<rows)
  let (output, gates) = (pass.tensor([rows, width]), pass.tensor([rows, 4 * width]))
  let (cells, state) = (pass.tensor([rows, width]), pass.tensor([1, 4 * width]))
  func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }
  for (step, row) in order.enumerated() {
    let (x, gate) = (input.pointer + row * 4 * width, gates.pointer + row * 4 * width)
    let earlier = step > 0 ? order[step - 1] : nil
    if let earlier {
      matrixProduct(
        output.rows(earlier..<earlier + 1), rows: 1, depth: width, matrix, byColumns: false,
        into: state, in: pass)
    }
    for place in 0..<4 * width {
      let sum = x[place] + (earlier == nil ? 0 : state.pointer[place])
      gate[place] = place / width == 2 ? tanh(sum) : sigmoid(sum)
    }
    for place in 0..<width {
      let before = earlier.map { cells.pointer[$0 * width + place] } ?? 0
      let cell = gate[width + place] * before + gate[place] * gate[2 * width + place]
      cells.pointer[row * width + place] = cell
      output.pointer[row * width + place] = gate[3 * width + place] * tanh(cell)
    }
  }
  pass.record(
    "recurred", inputs: [input, matrix], outputs: [output],
    saving: gates.byteCount + cells.byteCount + output.byteCount
  ) { [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let gateGradient = pass.tensor([rows, 4 * width])
    // The state that each row began with, and what the row after it asks of this one's.
    let begun = pass.engine.zeros([rows, width])
    let (later, laterCells) = (pass.engine.zeros([1, width]), pass.engine.zeros([1, width]))
    for (step, row) in order.enumerated().reversed() {
      let gate = gates.pointer + row * 4 * width
      let change = gateGradient.pointer + row * 4 * width
      let earlier = step > 0 ? order[step - 1] : nil
      for place in 0..<width {
        let (i, f) = (gate[place], gate[width + place])
        let (g, o) = (gate[2 * width + place], gate[3 * width + place])
        let bounded = tanh(cells.pointer[row * width + place])
        let asked = gradient.pointer[row * width + place] + later.pointer[place]
        let cell = asked * o * (1 - bounded * bounded) + laterCells.pointer[place]
        let before = earlier.map { cells.pointer[$0 * width + place] } ?? 0
        change[place] = cell * g * i * (1 - i)
        change[width + place] = cell * before * f * (1 - f)
        change[2 * width + place] = cell * i * (1 - g * g)
        change[3 * width + place] = asked * bounded * o * (1 - o)
        laterCells.pointer[place] = cell * f
      }
      guard let earlier else { continue }
      (begun.pointer + row * width).update(from: output.pointer + earlier * width, count: width)
      matrixProduct(
        gateGradient.rows(row..<row + 1), rows: 1, depth: 4 * width, matrix, byColumns: true,
        into: later, in: pass)
    }
    if let sum = gradients.accumulator(for: matrix.key) {
      matrixProduct(
        gateGradient, transposed: true, rows: 4 * width, depth: rows, begun, byColumns: true,
        accumulate: true, into: sum, in: pass)
    }
    if input.needsGradient { gradients.add(gateGradient, to: input) }
  }
  return output
}
