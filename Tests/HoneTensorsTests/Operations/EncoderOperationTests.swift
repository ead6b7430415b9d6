import Foundation
import Testing

@testable import HoneTensors

/// Operations that prompts and their encoders are made of.
@Suite struct EncoderOperationTests {
  @Test func `columns in parts, one of them unused`() {
    checkGradients([.random(3, 6, "x")]) {
      let parts = parted($0[0], into: 3, in: $1)
      return joined([parts[2], parts[0], parts[2]], in: $1)
    } formula: { inputs in
      [2, 0, 2].flatMap { part in
        (0..<3).flatMap { row in (0..<2).map { inputs[0][row, part * 2 + $0] } }
      }
    }
  }

  @Test func `columns beside each other, one part twice`() {
    checkGradients([.random(3, 2, "a"), .random(3, 4, "b")]) {
      beside([$0[0], $0[1], $0[0]], in: $1)
    } formula: { inputs in
      (0..<3).flatMap { row in
        [0, 1, 0].flatMap { part in
          (0..<inputs[part].columns).map { inputs[part][row, $0] }
        }
      }
    }
  }

  @Test func `what is bounded below, and on both sides`() {
    checkGradients([.random(5, 7, "x")]) {
      rectified($0[0], in: $1)
    } formula: {
      $0[0].values.map { max($0, 0) }
    }
    checkGradients([.random(5, 7, "x")]) {
      squashed($0[0], in: $1)
    } formula: {
      $0[0].values.map { tanh($0) }
    }
  }

  @Test(arguments: [false, true], [1, 6])
  func `a memory through rows, in both directions`(reversed: Bool, rows: Int) {
    let width = 3
    checkGradients([.random(rows, 4 * width, "x"), .random(4 * width, width, "w")]) {
      recurred($0[0], through: $0[1], reversed: reversed, in: $1)
    } formula: { inputs in
      let (x, w) = (inputs[0], inputs[1])
      func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
      var output = Matrix(rows, width)
      var (state, cell) = (
        [Double](repeating: 0, count: width), [Double](repeating: 0, count: width)
      )
      for row in reversed ? Array((0..<rows).reversed()) : Array(0..<rows) {
        let gates = (0..<4 * width).map { gate in
          (0..<width).reduce(x[row, gate]) { $0 + w[gate, $1] * state[$1] }
        }
        for place in 0..<width {
          cell[place] =
            sigmoid(gates[width + place]) * cell[place]
            + sigmoid(gates[place]) * tanh(gates[2 * width + place])
          state[place] = sigmoid(gates[3 * width + place]) * tanh(cell[place])
          output[row, place] = state[place]
        }
      }
      return output.values
    }
  }
}
