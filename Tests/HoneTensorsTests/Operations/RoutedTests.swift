import Foundation
import Testing

@testable import HoneTensors

/// What experts and short convolutions are made of.
@Suite struct RoutedTests {
  /// Logits whose order no small step changes.
  private static func logits(_ rows: Int, _ experts: Int) -> Matrix {
    var logits = Matrix(rows, experts)
    for row in 0..<rows {
      for expert in 0..<experts {
        let step = (row * 3 + expert * 5) % experts
        logits[row, expert] = Double(Float(step) * 0.4 - 0.7)
      }
    }
    return logits
  }

  private static func weights(
    _ logits: Matrix, choices: Int, normalized: Bool
  ) -> [(expert: Int, weight: Double)] {
    (0..<logits.rows).flatMap { row in
      let order = (0..<logits.columns).sorted { logits[row, $0] > logits[row, $1] }
      let best = Array(order.prefix(choices))
      let sum = (normalized ? best : order).reduce(0) { $0 + exp(logits[row, $1]) }
      return best.map { ($0, exp(logits[row, $0]) / sum) }
    }
  }

  @Test(arguments: [false, true])
  func `the likeliest experts with their probabilities`(normalized: Bool) {
    checkGradients([Self.logits(5, 7)]) {
      routed($0[0], choices: 3, normalized: normalized, in: $1).weights
    } formula: { inputs in
      Self.weights(inputs[0], choices: 3, normalized: normalized).map(\.weight)
    }
  }

  @Test func `of equals the first are chosen, and numbers that are none choose something`() {
    let engine = Engine(threads: 1)
    let equal = routed(
      engine.tensor([1, 4], [1, 2, 2, 1]), choices: 3, normalized: true, in: Pass(engine))
    #expect(equal.chosen == [1, 2, 0])
    let none = routed(
      engine.tensor([1, 3], [.nan, .nan, .nan]), choices: 2, normalized: false, in: Pass(engine))
    #expect(Set(none.chosen).count == 2)
  }

  @Test func `what a row's experts give is summed by weight`() {
    let choices = 2
    let groups = [
      Routes.Group(expert: 0, rows: [0, 2], places: [1, 0]),
      Routes.Group(expert: 3, rows: [0, 1, 2], places: [0, 0, 1]),
    ]
    checkGradients([.random(2, 3, "a"), .random(3, 3, "b"), .random(3, choices, "w")]) {
      combined([$0[0], $0[1]], of: groups, weights: $0[2], in: $1)
    } formula: { inputs in
      var output = Matrix(3, 3)
      for (number, group) in groups.enumerated() {
        for (index, row) in group.rows.enumerated() {
          for column in 0..<3 {
            output[Int(row), column] +=
              inputs[2][Int(row), group.places[index]] * inputs[number][index, column]
          }
        }
      }
      return output.values
    }
  }

  @Test func `groups have every choice once`() {
    let engine = Engine(threads: 1)
    let routes = routed(
      engine.tensor([5, 7], Self.logits(5, 7).floats), choices: 3, normalized: true,
      in: Pass(engine))
    var found = Array(repeating: -1, count: 15)
    for group in routes.groups {
      #expect(group.rows == group.rows.sorted())
      for (row, place) in zip(group.rows, group.places) {
        found[Int(row) * 3 + place] = group.expert
      }
    }
    #expect(found == routes.chosen)
    #expect(routes.groups.map(\.expert) == routes.groups.map(\.expert).sorted())
  }

  @Test func `rows times the sigmoid of a number each`() {
    checkGradients([.random(4, 3, "x"), .random(4, 1, "g")]) {
      scaled($0[0], bySigmoidOf: $0[1], in: $1)
    } formula: { inputs in
      inputs[0].values.enumerated().map { $1 / (1 + exp(-inputs[1].values[$0 / 3])) }
    }
  }

  @Test func `two tensors number by number, one of them twice`() {
    checkGradients([.random(4, 3, "a"), .random(4, 3, "b")]) {
      elementwiseProduct(elementwiseProduct($0[0], $0[1], in: $1), $0[0], in: $1)
    } formula: { inputs in
      zip(inputs[0].values, inputs[1].values).map { $0 * $0 * $1 }
    }
  }

  /// Two sequences, the second of which begins anew, and a third that continues the first.
  private static let sources: [Int32] = [
    -1, -1, 0, -1, 0, 1, 0, 1, 2, -1, -1, 3, -1, 3, 4, 1, 2, 5,
  ]

  @Test(arguments: [5, 300])
  func `a short convolution keeps to its sequence`(columns: Int) {
    let input = Matrix.random(6, columns, "x")
    // Differences of every number of a wide input would take long.
    let kernel = Matrix.random(columns, 3, "w")
    func formula(_ inputs: [Matrix]) -> [Double] {
      (0..<6).flatMap { row in
        (0..<columns).map { column in
          (0..<3).reduce(0) { sum, place in
            let source = Self.sources[row * 3 + place]
            return source < 0
              ? sum : sum + inputs[1][column, place] * inputs[0][Int(source), column]
          }
        }
      }
    }
    if columns == 5 {
      checkGradients([input, kernel]) {
        convolved($0[0], by: $0[1], sources: Self.sources, in: $1)
      } formula: {
        formula($0)
      }
    }
    let engine = Engine(threads: 2)
    let found = convolved(
      engine.tensor([6, columns], input.floats),
      by: engine.tensor([columns, 1, 3], kernel.floats), sources: Self.sources, in: Pass(engine))
    for (found, expected) in zip(found.values, formula([input, kernel])) {
      #expect(abs(Double(found) - expected) < 1e-5)
    }
  }
}
