import Testing

@testable import HoneTensors

/// Operations on matrices that are themselves trained.
@Suite struct TrainedMatrixTests {
  @Test func `a product with a trained matrix, by its rows`() {
    checkGradients([.random(5, 7, "x"), .random(3, 7, "w")]) {
      multiplied($0[0], by: $0[1], in: $1)
    } formula: {
      $0[0].timesTransposed($0[1]).values
    }
  }

  @Test func `a product with a trained matrix, by its columns`() {
    checkGradients([.random(5, 7, "x"), .random(7, 3, "w")]) {
      multiplied($0[0], by: $0[1], byColumns: true, in: $1)
    } formula: { inputs in
      var transposed = Matrix(3, 7)
      for row in 0..<7 { for column in 0..<3 { transposed[column, row] = inputs[1][row, column] } }
      return inputs[0].timesTransposed(transposed).values
    }
  }

  @Test func `a matrix that is used twice gets both gradients`() {
    checkGradients([.random(4, 3, "x"), .random(3, 3, "w")]) {
      multiplied(multiplied($0[0], by: $0[1], in: $1), by: $0[1], byColumns: true, in: $1)
    } formula: { inputs in
      let inner = inputs[0].timesTransposed(inputs[1])
      return (0..<4).flatMap { row in
        (0..<3).map { column in
          (0..<3).reduce(0.0) { $0 + inner[row, $1] * inputs[1][$1, column] }
        }
      }
    }
  }

  @Test func `columns gathered from a table, one of them twice`() {
    checkGradients([.random(4, 6, "table")]) {
      gathered([2, 0, 2, 5], from: $0[0], byColumns: true, in: $1)
    } formula: { inputs in
      [2, 0, 2, 5].flatMap { column in (0..<4).map { inputs[0][$0, column] } }
    }
  }

  @Test func `rows joined, one part twice`() {
    checkGradients([.random(2, 3, "a"), .random(4, 3, "b")]) {
      joined([$0[0], $0[1], $0[0]], in: $1)
    } formula: {
      $0[0].values + $0[1].values + $0[0].values
    }
  }

  @Test func `how far rows and columns are from orthonormal ones`() {
    checkGradients([.random(3, 7, "a"), .random(6, 4, "b")]) {
      orthogonality(of: [($0[0], false), ($0[1], true)], weight: 0.3, in: $1)
    } formula: { inputs in
      let (rows, columns) = (inputs[0], inputs[1])
      var turned = Matrix(4, 6)
      for row in 0..<6 { for column in 0..<4 { turned[column, row] = columns[row, column] } }
      let norms = [rows, turned].map { matrix in
        let products = matrix.timesTransposed(matrix)
        return products.values.enumerated().reduce(0.0) { sum, item in
          let one = item.offset % (products.columns + 1) == 0 ? 1.0 : 0
          return sum + (item.element - one) * (item.element - one)
        }.squareRoot()
      }
      return [0.3 * (norms[0] + norms[1])]
    }
  }

  @Test func `scaled`() {
    checkGradients([.random(3, 5, "a")]) {
      HoneTensors.scaled($0[0], by: -1.5, in: $1)
    } formula: {
      $0[0].values.map { -1.5 * $0 }
    }
  }

  @Test func `an update of low rank is the same when it is decoded`() {
    let engine = Engine(threads: 2, compute: .f32)
    let (x, w) = (Matrix.random(2, 40, "x"), Matrix.random(9, 40, "w"))
    let (down, up) = (Matrix.random(16, 40, "down"), Matrix.random(9, 16, "up"))
    func tensor(_ matrix: Matrix) -> Tensor {
      engine.tensor([matrix.rows, matrix.columns], matrix.floats)
    }
    let owner = OwnedBytes(count: 9 * 40 * 4)
    w.floats.withUnsafeBytes {
      owner.pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
    }
    let weight = Weight(
      rows: 9, columns: 40, format: .f32,
      bytes: UnsafeRawBufferPointer(start: owner.pointer, count: 9 * 40 * 4), owner: owner)
    let update = LowRank(down: tensor(down), up: tensor(up), scale: 0.75)
    let expected = zip(
      x.timesTransposed(w).values, x.timesTransposed(down).timesTransposed(up).values
    ).map { $0 + 0.75 * $1 }
    for decoding in [false, true] {
      let pass = Pass(engine, of: decoding ? .nextTokens : .tokens)
      let found = projected(tensor(x), through: [weight], lowRank: [update], in: pass)[0].values
      #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 })
    }
  }
}
