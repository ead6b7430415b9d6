/// The largest singular values of a matrix with their vectors, `W ≈ Σ σ u vᵀ`.
///
/// Subspace iteration: a block of vectors, some more than are wanted, is multiplied with `Wᵀ` and `W` in
/// turn and made orthonormal, until the values stand still; what is left is a product of two thin
/// matrices (``LowRankFactors``). The start is always the same. Halko, Martinsson & Tropp, "Finding
/// structure with randomness", 2011, algorithm 4.4. A matrix with few rows or columns is decomposed
/// whole.
package struct PrincipalComponents {
  /// Singular values, largest first, at most as many as were asked for.
  package let values: [Double]
  /// For each value a vector of `rows` numbers.
  package let left: [[Double]]
  /// For each value a vector of `columns` numbers.
  package let right: [[Double]]

  /// - Parameters:
  ///   - weight: in any format; its numbers as they are decoded.
  ///   - count: how many values are wanted.
  package init(of weight: Weight, count: Int, in engine: Engine) {
    let (rows, columns) = (weight.rows, weight.columns)
    let pass = Pass(engine)
    let matrix = engine.tensor([rows, columns])
    weight.decode(rows: 0..<rows, into: matrix.pointer)
    let whole = min(rows, columns)
    let width = whole <= 128 ? whole : min(count + 16, whole)
    let source = RandomSource(seed: 0, purpose: "principal components")
    // The rows of a tensor are the block's vectors: here of the columns' space, then of the rows'.
    let start = engine.tensor(
      [width, columns], (0..<width * columns).map { Float(source.normal(UInt64($0))) })
    var block = multiplied(start, by: matrix, in: pass)
    var last: [Double] = []
    var directions: [[Double]] = []
    var along: [[Double]] = []
    // Values stand still at half of the way: their error is the square of the vectors'.
    var end = width == whole ? 1 : 40
    for step in 1...40 {
      directions = LowRankFactors.orthonormalRows(of: block)
      block = engine.tensor(
        [directions.count, rows], directions.joined().map { Float($0) })
      let inner = multiplied(block, by: matrix, byColumns: true, in: pass)
      along = LowRankFactors.vectors(of: inner)
      if step == end { break }
      let values = Array(LowRankFactors.values(ofRows: along).prefix(count))
      let isStill =
        values.count == last.count
        && zip(values, last).allSatisfy { abs($0 - $1) < 1e-7 * values[0] }
      if isStill { end = min(end, 2 * step) }
      if step == end { break }
      last = values
      block = multiplied(inner, by: matrix, in: pass)
    }
    let factors = LowRankFactors(outer: directions, inner: along)
    values = Array(factors.values.prefix(count))
    left = Array(factors.left.prefix(count))
    right = Array(factors.right.prefix(count))
  }
}
