import HoneTensors
import Testing

@Suite struct LowRankFactorsTests {
  private func vectors(_ count: Int, of length: Int, _ purpose: String) -> [[Double]] {
    let source = RandomSource(seed: 1, purpose: purpose)
    return (0..<count).map { vector in
      (0..<length).map { source.normal(UInt64(vector * length + $0)) }
    }
  }

  private func product(_ outer: [[Double]], _ inner: [[Double]]) -> [Double] {
    (0..<outer[0].count).flatMap { row in
      (0..<inner[0].count).map { column in
        outer.indices.reduce(0) { $0 + outer[$1][row] * inner[$1][column] }
      }
    }
  }

  private func dot(_ one: [Double], _ two: [Double]) -> Double {
    zip(one, two).reduce(0) { $0 + $1.0 * $1.1 }
  }

  @Test(arguments: [(20, 30, 4), (7, 40, 7), (5, 6, 9), (1, 8, 3), (12, 1, 2)])
  func `the product comes back, from orthonormal vectors and falling values`(
    rows: Int, columns: Int, inner: Int
  ) {
    let (outer, rest) = (vectors(inner, of: rows, "outer"), vectors(inner, of: columns, "inner"))
    let factors = LowRankFactors(outer: outer, inner: rest)
    #expect(factors.values.count == min(rows, columns, inner))
    #expect(zip(factors.values, factors.values.dropFirst()).allSatisfy(>=))
    let again = product(
      zip(factors.left, factors.values).map { vector, value in vector.map { $0 * value } },
      factors.right)
    let expected = product(outer, rest)
    #expect(zip(again, expected).allSatisfy { abs($0 - $1) < 1e-12 * Double(rows * columns) })
    #expect(abs(factors.squaredNorm - dot(expected, expected)) < 1e-9 * factors.squaredNorm)
    for side in [factors.left, factors.right] {
      for (one, first) in side.enumerated() {
        for (two, second) in side.enumerated() {
          #expect(abs(dot(first, second) - (one == two ? 1 : 0)) < 1e-12)
        }
      }
    }
  }

  @Test func `the values are those of a matrix that is known`() {
    // diag(3, 2) in a turned base, written as a product of dependent columns.
    let (cosine, sine) = (0.6, 0.8)
    let outer = [[3 * cosine, 3 * sine], [-2 * sine, 2 * cosine], [0, 0]]
    let factors = LowRankFactors(outer: outer, inner: [[1, 0, 0], [0, 0, 1], [5, 5, 5]])
    #expect(factors.values.count == 2)
    #expect(abs(factors.values[0] - 3) < 1e-14 && abs(factors.values[1] - 2) < 1e-14)
  }

  @Test func `what is the same twice has the rank of one, and nothing has none`() {
    let (outer, inner) = (vectors(3, of: 10, "outer"), vectors(3, of: 11, "inner"))
    let factors = LowRankFactors(outer: outer + outer, inner: inner + inner)
    #expect(factors.values.count == 3)
    #expect(LowRankFactors(outer: [[0, 0]], inner: [[1, 2, 3]]).values.isEmpty)
    #expect(
      LowRankFactors(outer: outer + outer, inner: inner + inner.map { $0.map { -$0 } }).values
        .isEmpty)
  }
}
