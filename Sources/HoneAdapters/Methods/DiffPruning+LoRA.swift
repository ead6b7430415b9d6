import HoneFormats
import HoneModels
import HoneTensors

extension DiffPruning {
  /// How much of a difference a LoRA could not hold, `‖D - B A‖ / ‖D‖`.
  public struct Residual: Sendable {
    public let path: String
    public let share: Double
  }

  /// The nearest LoRA of a rank, and what it leaves out of each matrix.
  ///
  /// Subspace iteration finds the leading singular vectors of each difference (Halko et al., "Finding
  /// structure with randomness", 2011). `A` holds the singular values too, and alpha is the rank.
  ///
  /// - Throws: ``AdapterError`` for a rank that is larger than a matrix.
  public func lowRank(
    rank: Int, in engine: Engine
  ) throws -> (adapter: LoRA, residuals: [Residual]) {
    let paths = modules.map { JSONValue.string($0.site.path) }
    let values = try LoRA.method.values(
      JSONObject([
        ("rank", .integer(rank)), ("alpha", .integer(rank)), ("target_modules", .array(paths)),
      ]))
    let lora = try LoRA(options: LoRAOptions(values), model: model, engine: engine, seed: 1)
    let residuals = modules.indices.map { index in
      let change = lora.modules[index]
      return Residual(
        path: modules[index].site.path,
        share: Self.factor(
          matrix(index, in: engine), into: change.up.tensor, change.down.tensor))
    }
    return (lora, residuals)
  }

  /// Writes `D ≈ up · down` and returns what is left, relative to `D`.
  private static func factor(_ matrix: Tensor, into up: Tensor, _ down: Tensor) -> Double {
    let (rows, columns, rank) = (matrix.shape[0], matrix.shape[1], down.shape[0])
    var entries: [(row: Int, column: Int, value: Double)] = []
    for place in 0..<rows * columns where matrix.pointer[place] != 0 {
      entries.append((place / columns, place % columns, Double(matrix.pointer[place])))
    }
    let total = entries.reduce(0) { $0 + $1.value * $1.value }
    guard total > 0 else { return 0 }
    let source = RandomSource(seed: 1, purpose: "subspace")
    // Vectors stand in rows.
    var right = (0..<rank).map { vector in
      (0..<columns).map { source.normal(UInt64(vector * columns + $0)) }
    }
    var left = [[Double]](repeating: [], count: rank)
    for _ in 0..<24 {
      orthonormalise(&right)
      left = right.map { vector in
        var sum = [Double](repeating: 0, count: rows)
        for entry in entries { sum[entry.row] += entry.value * vector[entry.column] }
        return sum
      }
      orthonormalise(&left)
      right = left.map { vector in
        var sum = [Double](repeating: 0, count: columns)
        for entry in entries { sum[entry.column] += entry.value * vector[entry.row] }
        return sum
      }
    }
    for inner in 0..<rank {
      for row in 0..<rows { up.pointer[row * rank + inner] = Float(left[inner][row]) }
      for column in 0..<columns {
        down.pointer[inner * columns + column] = Float(right[inner][column])
      }
    }
    let held = right.reduce(0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }
    return (max(0, total - held) / total).squareRoot()
  }

  /// Gram and Schmidt, twice each, which is enough in double.
  private static func orthonormalise(_ vectors: inout [[Double]]) {
    for index in vectors.indices {
      for _ in 0..<2 {
        for earlier in 0..<index {
          let along = zip(vectors[index], vectors[earlier]).reduce(0) { $0 + $1.0 * $1.1 }
          for place in vectors[index].indices {
            vectors[index][place] -= along * vectors[earlier][place]
          }
        }
      }
      let length = vectors[index].reduce(0) { $0 + $1 * $1 }.squareRoot()
      // A direction that the matrix does not have stays empty.
      let factor = length > 1e-12 ? 1 / length : 0
      for place in vectors[index].indices { vectors[index][place] *= factor }
    }
  }
}
