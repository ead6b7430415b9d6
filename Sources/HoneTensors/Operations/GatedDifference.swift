import HoneKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A trained difference of a frozen matrix, each number of it behind a gate that may close.
///
/// `D = z ∘ w · g` with hard-concrete gates: `s = sigmoid(logit(u) + a)`, stretched to
/// `s (upper - lower) + lower` and cut to [0, 1], for a draw `u` in a pass with random numbers and one
/// half without. `g` is a gate of the same kind for the whole matrix.
///
/// Louizos et al., "Learning sparse neural networks through L0 regularization", 2018; Guo et al.,
/// "Parameter-efficient transfer learning with diff pruning", 2021.
package struct GatedDifference {
  /// `w`, `[outputs x inputs]`.
  package var values: Tensor
  /// `a`, of the same shape.
  package var gates: Tensor
  /// The whole matrix's `a`, `[1]`; nil for a gate that is open.
  package var groupGate: Tensor?
  package var lower: Float
  package var upper: Float
  /// Tells the draws of several differences apart.
  package var place: Int

  package init(
    values: Tensor, gates: Tensor, groupGate: Tensor?, lower: Float, upper: Float, place: Int
  ) {
    self.values = values
    self.gates = gates
    self.groupGate = groupGate
    self.lower = lower
    self.upper = upper
    self.place = place
  }

  /// The draw for a number of the matrix, or for the whole of it at `index` -1.
  package static func draw(_ random: RandomSource?, place: Int, index: Int) -> Float {
    guard let random else { return 0.5 }
    let base = UInt64(place + 1) << 40
    guard index >= 0 else { return uniform(random.words(base | (1 << 39)).0) }
    let words = random.words(base | UInt64(index / 4))
    return uniform([words.0, words.1, words.2, words.3][index % 4])
  }

  private static func uniform(_ word: UInt32) -> Float { (Float(word >> 8) + 0.5) * 0x1p-24 }

  /// A gate and its slope by `a`.
  @inline(__always)
  private func gate(_ a: Float, _ draw: Float) -> (value: Float, slope: Float) {
    // sigmoid(logit(u) + a) = u e^a / (u e^a + 1 - u)
    let odds = draw * exp(min(max(a, -30), 30))
    let s = odds / (odds + 1 - draw)
    let stretched = s * (upper - lower) + lower
    if stretched <= 0 { return (0, 0) }
    if stretched >= 1 { return (1, 0) }
    return (stretched, s * (1 - s) * (upper - lower))
  }

  private func groupGate(_ random: RandomSource?) -> (value: Float, slope: Float) {
    guard let groupGate else { return (1, 0) }
    return gate(groupGate.pointer[0], Self.draw(random, place: place, index: -1))
  }

  /// Goes through a row's numbers with their gates.
  @inline(__always)
  private func walk(
    row: Int, _ random: RandomSource?,
    _ body: (_ index: Int, _ gate: Float, _ slope: Float) -> Void
  ) {
    let columns = values.shape.columns
    let base = UInt64(place + 1) << 40
    var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    for index in row * columns..<(row + 1) * columns {
      var draw: Float = 0.5
      if let random {
        if index % 4 == 0 || index == row * columns {
          words = random.words(base | UInt64(index / 4))
        }
        switch index % 4 {
        case 0: draw = Self.uniform(words.0)
        case 1: draw = Self.uniform(words.1)
        case 2: draw = Self.uniform(words.2)
        default: draw = Self.uniform(words.3)
        }
      }
      let (value, slope) = gate(gates.pointer[index], draw)
      body(index, value, slope)
    }
  }

  /// `D`, for the draws of a pass or without any.
  package func matrix(random: RandomSource? = nil, in engine: Engine) -> Tensor {
    let output = engine.tensor(values.shape)
    let group = groupGate(random).value
    engine.threads.run(rows: values.shape.rows, columns: values.shape.columns * 8) { rows in
      for row in rows {
        walk(row: row, random) { index, gate, _ in
          output.pointer[index] = gate * group * values.pointer[index]
        }
      }
    }
    return output
  }

  /// Adds what the gradient of `D` means for `w` and the gates.
  fileprivate func add(
    _ gradient: Tensor, random: RandomSource?, to gradients: Gradients, in pass: Pass
  ) {
    let sums = (
      values: gradients.accumulator(for: values.key), gates: gradients.accumulator(for: gates.key),
      group: groupGate.flatMap { gradients.accumulator(for: $0.key) }
    )
    let (group, groupSlope) = groupGate(random)
    let along = pass.engine.tensor([values.shape.rows])
    pass.pool.run(rows: values.shape.rows, columns: values.shape.columns * 8) { rows in
      for row in rows {
        var sum: Float = 0
        walk(row: row, random) { index, gate, slope in
          let (change, value) = (gradient.pointer[index], values.pointer[index])
          sum += change * gate * value
          sums.values?.pointer[index] += change * gate * group
          sums.gates?.pointer[index] += change * value * group * slope
        }
        along.pointer[row] = sum
      }
    }
    guard let target = sums.group else { return }
    let total = (0..<values.shape.rows).reduce(0.0) { $0 + Double(along.pointer[$1]) }
    target.pointer[0] += Float(total) * groupSlope
  }
}

/// `x Dᵀ` for a gated difference; `D` is formed anew on the way back and never kept.
package func multiplied(
  _ input: Tensor, by difference: GatedDifference, in pass: Pass
) -> Tensor {
  let shape = difference.values.shape
  let (rows, random) = (input.shape.rows, pass.random)
  let output = pass.tensor([rows, shape.rows])
  matrixProduct(
    input, rows: rows, depth: shape.columns, difference.matrix(random: random, in: pass.engine),
    byColumns: false, into: output, in: pass)
  let kept = pass.keep(input)
  let inputs =
    [input, difference.values, difference.gates] + (difference.groupGate.map { [$0] } ?? [])
  pass.record("gatedDifference", inputs: inputs, outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    if input.needsGradient {
      let target = pass.tensor(input.shape)
      matrixProduct(
        gradient, rows: rows, depth: shape.rows,
        difference.matrix(random: random, in: pass.engine), byColumns: true, into: target, in: pass)
      gradients.add(target, to: input)
    }
    guard let seen = kept?.tensor(in: pass) else { return }
    let whole = pass.tensor(shape)
    matrixProduct(
      gradient, transposed: true, rows: shape.rows, depth: rows, seen, byColumns: true,
      into: whole, in: pass)
    difference.add(whole, random: random, to: gradients, in: pass)
  }
  return output
}

/// `weight · Σ P(gate > 0) · P(group's gate > 0)`, the numbers of a difference that are expected to
/// stay, as a term of the loss.
package func expectedCount(
  of difference: GatedDifference, weight: Float, in pass: Pass
) -> Tensor {
  let (rows, columns) = (difference.values.shape.rows, difference.values.shape.columns)
  let shift = log(-difference.lower / difference.upper)
  func chance(_ a: Float) -> Float { 1 / (1 + exp(shift - a)) }
  let gates = difference.gates
  let sums = pass.engine.tensor([rows])
  pass.pool.run(rows: rows, columns: columns * 4) { range in
    for row in range {
      var sum: Float = 0
      for index in row * columns..<(row + 1) * columns { sum += chance(gates.pointer[index]) }
      sums.pointer[row] = sum
    }
  }
  let count = (0..<rows).reduce(0.0) { $0 + Double(sums.pointer[$1]) }
  let group = difference.groupGate.map { chance($0.pointer[0]) } ?? 1
  let output = pass.engine.tensor([1], [Float(count) * group * weight])
  let inputs = [gates] + (difference.groupGate.map { [$0] } ?? [])
  pass.record("expectedCount", inputs: inputs, outputs: [output]) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    let factor = gradient.pointer[0] * weight
    if let sum = gradients.accumulator(for: gates.key) {
      pass.pool.run(rows: rows, columns: columns * 4) { range in
        for index in range.lowerBound * columns..<range.upperBound * columns {
          let chance = chance(gates.pointer[index])
          sum.pointer[index] += factor * group * chance * (1 - chance)
        }
      }
    }
    if let key = difference.groupGate?.key, let sum = gradients.accumulator(for: key) {
      sum.pointer[0] += factor * Float(count) * group * (1 - group)
    }
  }
  return output
}
