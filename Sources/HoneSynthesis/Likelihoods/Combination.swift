import Foundation

/// Several filters' values as one: the weighted sum that tells true controls from false ones best.
///
/// Logistic regression on values brought to mean 0 and deviation 1, with a small penalty for large weights,
/// true and false ones weighing the same. Higher is better for every filter, so one whose weight would be
/// negative has none.
package struct Combination: Equatable, Sendable {
  /// One filter's share of the sum.
  package struct Part: Equatable, Sendable {
    package var filter: String
    package var mean: Double
    package var deviation: Double
    package var weight: Double

    func term(_ value: Double) -> Double { weight * (value - mean) / deviation }
  }

  /// The name under which the sum judges.
  package static let name = "together"

  package var parts: [Part]

  /// Finds the weights.
  ///
  /// - Parameters:
  ///   - filters: their names.
  ///   - trues: for each true control, each filter's value.
  ///   - falses: the same for false ones.
  package init(_ filters: [String], trues: [[Double]], falses: [[Double]]) {
    let rows = trues + falses
    parts = filters.indices.map { column in
      let values = rows.map { $0[column] }
      let mean = values.reduce(0, +) / Double(max(1, values.count))
      let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let deviation = (square / Double(max(1, values.count))).squareRoot()
      return Part(
        filter: filters[column], mean: mean, deviation: deviation > 1e-12 ? deviation : 1, weight: 0
      )
    }
    guard !trues.isEmpty, !falses.isEmpty else { return }
    let scaled = rows.map { row in zip(row, parts).map { ($0 - $1.mean) / $1.deviation } }
    var used = Array(filters.indices)
    while !used.isEmpty {
      let weights = Self.weights(
        scaled.map { row in used.map { row[$0] } }, trueCount: trues.count)
      guard let worst = weights.indices.min(by: { weights[$0] < weights[$1] }), weights[worst] < 0
      else {
        for (column, weight) in zip(used, weights) { parts[column].weight = weight }
        return
      }
      used.remove(at: worst)
    }
  }

  /// The sum; nil where one of the filters has no value.
  package func value(_ values: [String: Double]) -> Double? {
    var sum = 0.0
    for part in parts {
      guard let value = values[part.filter] else { return nil }
      sum += part.term(value)
    }
    return sum
  }

  /// The filter that speaks most against a pair.
  package func weakest(_ values: [String: Double]) -> String? {
    parts.filter { $0.weight > 0 && values[$0.filter] != nil }
      .min { $0.term(values[$0.filter]!) < $1.term(values[$1.filter]!) }?.filter
  }

  /// Newton's method; the penalty makes the problem strictly convex, so that it ends.
  private static func weights(_ rows: [[Double]], trueCount: Int) -> [Double] {
    let count = rows[0].count
    let (ridge, rounds) = (1.0, 30)
    // Both sides weigh as much as half of all rows.
    let sides = [
      Double(rows.count) / Double(2 * trueCount),
      Double(rows.count) / Double(2 * (rows.count - trueCount)),
    ]
    // The last of the solution is the constant, which is not penalised.
    var solution = [Double](repeating: 0, count: count + 1)
    for _ in 0..<rounds {
      var gradient = [Double](repeating: 0, count: count + 1)
      var curvature = [[Double]](repeating: gradient, count: count + 1)
      for (index, row) in rows.enumerated() {
        let inputs = row + [1]
        let sum = zip(inputs, solution).reduce(0) { $0 + $1.0 * $1.1 }
        let chance = 1 / (1 + exp(-sum))
        let side = index < trueCount ? sides[0] : sides[1]
        let error = side * ((index < trueCount ? 1 : 0) - chance)
        let slope = side * chance * (1 - chance)
        for i in inputs.indices {
          gradient[i] += error * inputs[i]
          for j in inputs.indices { curvature[i][j] += slope * inputs[i] * inputs[j] }
        }
      }
      for i in 0..<count {
        gradient[i] -= ridge * solution[i]
        curvature[i][i] += ridge
      }
      curvature[count][count] += 1e-9
      let step = solved(curvature, gradient)
      for i in step.indices { solution[i] += step[i] }
      if step.allSatisfy({ abs($0) < 1e-10 }) { break }
    }
    return Array(solution.prefix(count))
  }

  /// `x` of `matrix x = right` for a symmetric positive matrix, by elimination.
  private static func solved(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
    var (matrix, right) = (matrix, right)
    let count = right.count
    for pivot in 0..<count {
      for row in pivot + 1..<count {
        let factor = matrix[row][pivot] / matrix[pivot][pivot]
        for column in pivot..<count { matrix[row][column] -= factor * matrix[pivot][column] }
        right[row] -= factor * right[pivot]
      }
    }
    for pivot in (0..<count).reversed() {
      for column in pivot + 1..<count { right[pivot] -= matrix[pivot][column] * right[column] }
      right[pivot] /= matrix[pivot][pivot]
    }
    return right
  }
}
