import Testing

@testable import HoneTensors

/// Operations of the methods that change matrices by products of smaller ones.
@Suite struct MatrixChangeTests {
  private func product(_ a: Matrix, _ b: Matrix) -> Matrix {
    var result = Matrix(a.rows, b.columns)
    for row in 0..<a.rows {
      for column in 0..<b.columns {
        result[row, column] = (0..<a.columns).reduce(0) { $0 + a[row, $1] * b[$1, column] }
      }
    }
    return result
  }

  private func hadamard(_ inputs: [Matrix]) -> [Double] {
    let (first, second) = (product(inputs[1], inputs[2]), product(inputs[3], inputs[4]))
    let matrix = Matrix(
      first.rows, first.columns, zip(first.values, second.values).map { 0.5 * $0 * $1 })
    return inputs[0].timesTransposed(matrix).values
  }

  private let hadamardInputs: [Matrix] = [
    .random(5, 7, "x"), .random(6, 2, "a1"), .random(2, 7, "b1"), .random(6, 2, "a2"),
    .random(2, 7, "b2"),
  ]

  private func change(_ tensors: [Tensor]) -> HadamardChange {
    HadamardChange(
      outer: (tensors[1], tensors[3]), inner: (tensors[2], tensors[4]), scale: 0.5)
  }

  @Test func `a Hadamard change by its matrix`() {
    checkGradients(hadamardInputs) {
      multiplied($0[0], by: change($0), in: $1)
    } formula: {
      hadamard($0)
    }
  }

  @Test func `a Hadamard change by all pairs of columns`() {
    checkGradients(hadamardInputs) { tensors, pass in
      let pairs = change(tensors).lowRank(in: pass)
      let inner = multiplied(tensors[0], by: pairs.down, in: pass)
      return scaled(multiplied(inner, by: pairs.up, in: pass), by: pairs.scale, in: pass)
    } formula: {
      hadamard($0)
    }
  }

  @Test func `which of the two is cheaper follows from the sizes`() {
    let engine = Engine(threads: 1, compute: .f32)
    func isNarrow(_ outputs: Int, _ inputs: Int, _ rank: Int) -> Bool {
      let (outer, inner): (Shape, Shape) = ([outputs, rank], [rank, inputs])
      return HadamardChange(
        outer: (engine.zeros(outer), engine.zeros(outer)),
        inner: (engine.zeros(inner), engine.zeros(inner)), scale: 1
      ).isNarrow
    }
    #expect(isNarrow(576, 576, 8) && isNarrow(192, 576, 8) && !isNarrow(192, 576, 16))
  }

  @Test func `a Kronecker product that is never formed`() {
    checkGradients([.random(5, 6, "x"), .random(4, 2, "f"), .random(2, 3, "s")]) {
      multiplied($0[0], byKronecker: $0[1], $0[2], scale: 1.5, in: $1)
    } formula: { inputs in
      let (first, second) = (inputs[1], inputs[2])
      var matrix = Matrix(8, 6)
      for row in 0..<8 {
        for column in 0..<6 {
          matrix[row, column] = 1.5 * first[row / 2, column / 3] * second[row % 2, column % 3]
        }
      }
      return inputs[0].timesTransposed(matrix).values
    }
  }

  private func skewSymmetric(_ upper: Matrix, _ block: Int, _ size: Int) -> Matrix {
    var matrix = Matrix(size, size)
    var place = 0
    for row in 0..<size {
      for column in row + 1..<max(size, row + 1) {
        matrix[row, column] = upper[block, place]
        matrix[column, row] = -upper[block, place]
        place += 1
      }
    }
    return matrix
  }

  private func sum(_ a: Matrix, _ b: Matrix, _ factor: Double) -> Matrix {
    Matrix(a.rows, a.columns, zip(a.values, b.values).map { $0 + factor * $1 })
  }

  private func identity(_ size: Int) -> Matrix {
    var matrix = Matrix(size, size)
    for place in 0..<size { matrix[place, place] = 1 }
    return matrix
  }

  /// Numbers so small that a series comes near to its sum.
  private func small(_ rows: Int, _ columns: Int, _ purpose: String) -> Matrix {
    let matrix = Matrix.random(rows, columns, purpose)
    return Matrix(rows, columns, matrix.values.map { Double(Float(0.2 * $0)) })
  }

  @Test(arguments: [1, 2, 3, 4, 6]) func `rotations by a series`(degree: Int) {
    checkGradients([small(2, 6, "q")]) {
      rotations($0[0], size: 4, .series(degree: degree), in: $1)
    } formula: { inputs in
      (0..<2).flatMap { block in
        let skew = skewSymmetric(inputs[0], block, 4)
        var (result, power) = (identity(4), identity(4))
        for step in 1...degree {
          power = product(power, skew)
          result = sum(result, power, step == degree && degree > 1 ? 1 : 2)
        }
        return result.values
      }
    }
  }

  @Test func `rotations by Cayley's transform`() {
    checkGradients([.random(2, 6, "q")]) {
      rotations($0[0], size: 4, .exact, in: $1)
    } formula: { inputs in
      (0..<2).flatMap { block in
        // Newton's iteration for the inverse of I + Q, which starts within its circle.
        let matrix = sum(identity(4), skewSymmetric(inputs[0], block, 4), 1)
        var transposed = matrix
        for row in 0..<4 { for column in 0..<4 { transposed[column, row] = matrix[row, column] } }
        let square = matrix.values.reduce(0) { $0 + $1 * $1 }
        var inverse = Matrix(4, 4, transposed.values.map { $0 / square })
        for _ in 0..<60 {
          let twice = sum(identity(4), identity(4), 1)
          inverse = product(inverse, sum(twice, product(matrix, inverse), -1))
        }
        return sum(Matrix(4, 4, inverse.values.map { 2 * $0 }), identity(4), -1).values
      }
    }
  }

  @Test func `Cayley's transform is a rotation`() {
    let engine = Engine(threads: 1, compute: .f32)
    let upper = engine.tensor([1, 28], Matrix.random(1, 28, "q").floats)
    let found = rotations(upper, size: 8, .exact, in: Pass(engine)).values
    for row in 0..<8 {
      for other in 0..<8 {
        let dot = (0..<8).reduce(Float(0)) { $0 + found[row * 8 + $1] * found[other * 8 + $1] }
        #expect(abs(dot - (row == other ? 1 : 0)) < 1e-5)
      }
    }
  }

  @Test(arguments: [false, true], [1, 3])
  func `blocks of columns turned`(inverted: Bool, count: Int) {
    checkGradients([.random(5, 6, "x"), .random(count * 2, 2, "r")]) { tensors, pass in
      blocksTurned(
        tensors[0], by: tensors[1].reshaped([count, 2, 2]), inverted: inverted, in: pass)
    } formula: { inputs in
      (0..<5).flatMap { row in
        (0..<6).map { column in
          let (block, place) = (column / 2, column % 2)
          let first = count == 1 ? 0 : block * 2
          return (0..<2).reduce(0.0) { sum, inner in
            let factor =
              inverted ? inputs[1][first + place, inner] : inputs[1][first + inner, place]
            return sum + inputs[0][row, block * 2 + inner] * factor
          }
        }
      }
    }
  }
}
