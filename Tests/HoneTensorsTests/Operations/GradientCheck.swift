import Testing

@testable import HoneTensors

/// Numbers in double, for formulas to be differentiated numerically.
struct Matrix {
  var rows: Int
  var columns: Int
  var values: [Double]

  init(_ rows: Int, _ columns: Int, _ values: [Double]) {
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  init(_ rows: Int, _ columns: Int) {
    self.init(rows, columns, [Double](repeating: 0, count: rows * columns))
  }

  /// Uniform in (-1, 1), as f32 holds them.
  static func random(_ rows: Int, _ columns: Int, _ purpose: String) -> Matrix {
    let source = RandomSource(seed: 11, purpose: purpose)
    return Matrix(
      rows, columns,
      (0..<rows * columns).map { Double(Float(source.uniform(UInt64($0)) * 2 - 1)) })
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  var floats: [Float] { values.map(Float.init) }

  /// `self · otherᵀ`.
  func timesTransposed(_ other: Matrix) -> Matrix {
    var result = Matrix(rows, other.rows)
    for row in 0..<rows {
      for column in 0..<other.rows {
        result[row, column] = (0..<columns).reduce(0) { $0 + self[row, $1] * other[column, $1] }
      }
    }
    return result
  }
}

/// Compares an operation with its formula in double, forwards, and its gradients with the formula's
/// differences.
///
/// The loss is the sum of the outputs, each times a fixed random number. Every number of every input's
/// gradient is compared, within `tolerance` of the gradient's largest.
func checkGradients(
  _ inputs: [Matrix], tolerance: Double = 2e-5, threads: Int = 2,
  operation: ([Tensor], Pass) -> Tensor, formula: ([Matrix]) -> [Double],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let engine = Engine(threads: threads, compute: .f32)
  let tensors = inputs.map { engine.tensor([$0.rows, $0.columns], $0.floats) }
  for tensor in tensors { tensor.needsGradient = true }
  let tape = Tape()
  let random = RandomSource(seed: 5, purpose: "dropout")
  let output = operation(tensors, Pass(engine, tape: tape, random: random))
  let expected = formula(inputs)
  #expect(output.shape.count == expected.count, sourceLocation: sourceLocation)
  let size = expected.map(abs).max() ?? 0
  for (found, expected) in zip(output.values, expected) {
    #expect(abs(Double(found) - expected) <= tolerance * size, sourceLocation: sourceLocation)
  }

  let seed = Matrix.random(1, expected.count, "seed")
  let gradients = tape.gradients(
    of: output, seed: engine.tensor(output.shape, seed.floats), in: engine)
  func loss(_ inputs: [Matrix]) -> Double {
    zip(formula(inputs), seed.values).reduce(0) { $0 + $1.0 * $1.1 }
  }
  let step = 1e-5
  for (index, tensor) in tensors.enumerated() {
    let numeric = inputs[index].values.indices.map { position -> Double in
      var (above, below) = (inputs, inputs)
      above[index].values[position] += step
      below[index].values[position] -= step
      return (loss(above) - loss(below)) / (2 * step)
    }
    guard let gradient = gradients[tensor] else {
      Issue.record("input \(index) has no gradient", sourceLocation: sourceLocation)
      continue
    }
    let size = max(numeric.map(abs).max() ?? 0, 1e-3)
    for (position, (found, expected)) in zip(gradient.values, numeric).enumerated() {
      #expect(
        abs(Double(found) - expected) <= tolerance * size,
        "input \(index), number \(position): \(found), expected \(expected)",
        sourceLocation: sourceLocation)
    }
  }
}
