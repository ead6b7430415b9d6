import Foundation
import Testing

@testable import HoneTensors

/// Operations of small methods: rows times a vector, non-linearities, gated differences.
@Suite struct VectorOperationTests {
  @Test func `rows times a vector`() {
    checkGradients([.random(5, 300, "x"), .random(1, 300, "v")]) {
      weighted($0[0], by: $0[1], in: $1)
    } formula: { inputs in
      inputs[0].values.enumerated().map { $1 * inputs[1].values[$0 % 300] }
    }
  }

  @Test(arguments: Activation.allCases)
  func `a non-linearity alone`(kind: Activation) {
    checkGradients([.random(4, 33, "x")]) {
      activated($0[0], by: kind, in: $1)
    } formula: { inputs in
      inputs[0].values.map { x in
        switch kind {
        case .silu: x / (1 + exp(-x))
        case .gelu: x / 2 * (1 + erf(x / 2.0.squareRoot()))
        case .geluTanh: x / 2 * (1 + tanh((2 / .pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .relu: max(x, 0)
        }
      }
    }
  }

  private func difference(_ tensors: [Tensor], structured: Bool) -> GatedDifference {
    GatedDifference(
      values: tensors[0], gates: tensors[1], groupGate: structured ? tensors[2] : nil, lower: -1.5,
      upper: 1.5, place: 3)
  }

  private static func gate(_ a: Double, _ index: Int) -> Double {
    let random = RandomSource(seed: 5, purpose: "dropout")
    let u = Double(GatedDifference.draw(random, place: 3, index: index))
    let s = 1 / (1 + exp(-(log(u) - log(1 - u) + a)))
    return min(1, max(0, s * 3 - 1.5))
  }

  @Test(arguments: [false, true])
  func `a product with a gated difference`(structured: Bool) {
    var inputs: [Matrix] = [.random(5, 7, "x"), .random(6, 7, "w"), .random(6, 7, "a")]
    if structured { inputs.append(Matrix(1, 1, [0.2])) }
    checkGradients(inputs) { tensors, pass in
      multiplied(
        tensors[0], by: difference(Array(tensors.dropFirst()), structured: structured), in: pass)
    } formula: { inputs in
      let group = structured ? Self.gate(inputs[3].values[0], -1) : 1
      let matrix = Matrix(
        6, 7,
        inputs[1].values.enumerated().map { index, value in
          value * Self.gate(inputs[2].values[index], index) * group
        })
      return inputs[0].timesTransposed(matrix).values
    }
  }

  @Test func `how many numbers are expected to stay`() {
    checkGradients([.random(6, 7, "a"), Matrix(1, 1, [0.4])]) { tensors, pass in
      let gated = GatedDifference(
        values: tensors[0], gates: tensors[0], groupGate: tensors[1], lower: -1, upper: 2, place: 0)
      return expectedCount(of: gated, weight: 0.5, in: pass)
    } formula: { inputs in
      func chance(_ a: Double) -> Double { 1 / (1 + exp(log(0.5) - a)) }
      return [
        0.5 * chance(inputs[1].values[0]) * inputs[0].values.reduce(0) { $0 + chance($1) }
      ]
    }
  }
}
