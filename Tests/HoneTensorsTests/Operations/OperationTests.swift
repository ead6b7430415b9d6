import Foundation
import Testing

@testable import HoneTensors

/// Every operation against its formula in double, and its gradients against differences.
@Suite struct OperationTests {
  private static func weight(_ matrix: Matrix) -> Weight {
    let owner = OwnedBytes(count: matrix.values.count * 4)
    let floats = matrix.floats
    floats.withUnsafeBytes {
      owner.pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
    }
    return Weight(
      rows: matrix.rows, columns: matrix.columns, format: .f32,
      bytes: UnsafeRawBufferPointer(start: owner.pointer, count: floats.count * 4), owner: owner)
  }

  @Test func `added`() {
    checkGradients([.random(3, 5, "a"), .random(3, 5, "b")]) {
      HoneTensors.added($0[0], $0[1], in: $1)
    } formula: {
      zip($0[0].values, $0[1].values).map(+)
    }
  }

  @Test func `a term that is added twice gets both gradients`() {
    checkGradients([.random(3, 5, "a")]) {
      let twice = HoneTensors.added($0[0], $0[0], in: $1)
      return HoneTensors.added(twice, $0[0], in: $1)
    } formula: {
      $0[0].values.map { $0 * 3 }
    }
  }

  @Test func `a vector added to rows`() {
    checkGradients([.random(1, 300, "v"), .random(7, 300, "x")]) {
      HoneTensors.added($0[0], toRowsOf: $0[1], in: $1)
    } formula: { inputs in
      inputs[1].values.indices.map { inputs[1].values[$0] + inputs[0].values[$0 % 300] }
    }
  }

  @Test func `rms norm`() {
    checkGradients([.random(13, 11, "x"), .random(1, 11, "w")]) {
      rmsNormalized($0[0], weight: $0[1], offset: 1, epsilon: 1e-3, in: $1)
    } formula: { inputs in
      let (x, w) = (inputs[0], inputs[1])
      return (0..<x.rows).flatMap { row -> [Double] in
        let mean = (0..<11).reduce(0.0) { $0 + x[row, $1] * x[row, $1] } / 11
        return (0..<11).map { x[row, $0] / (mean + 1e-3).squareRoot() * (w[0, $0] + 1) }
      }
    }
  }

  @Test(arguments: [true, false])
  func `layer norm of a row's parts`(hasBias: Bool) {
    let inputs: [Matrix] = [.random(7, 22, "x"), .random(1, 11, "w"), .random(1, 11, "b")]
    checkGradients(hasBias ? inputs : Array(inputs[..<2])) {
      layerNormalized($0[0], weight: $0[1], bias: hasBias ? $0[2] : nil, epsilon: 1e-3, in: $1)
    } formula: { inputs in
      let (x, w, b) = (inputs[0], inputs[1], inputs.last ?? inputs[1])
      return (0..<x.rows * 2).flatMap { part -> [Double] in
        let numbers = x.values[part * 11..<(part + 1) * 11]
        let mean = numbers.reduce(0, +) / 11
        let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 11
        return numbers.enumerated().map { column, number in
          (number - mean) / (variance + 1e-3).squareRoot() * w[0, column]
            + (hasBias ? b[0, column] : 0)
        }
      }
    }
  }

  @Test func `parts of runs of columns`() {
    // The second part is left out, so its columns get no gradient.
    checkGradients([.random(5, 12, "x")]) {
      let parts = parted(
        $0[0], into: [[0..<2, 6..<8], [2..<5, 8..<11], [5..<6, 11..<12]], in: $1)
      return beside([parts[0], parts[2]], in: $1)
    } formula: { inputs in
      (0..<5).flatMap { row in [0, 1, 6, 7, 5, 11].map { inputs[0][row, $0] } }
    }
  }

  @Test func `rotary embedding`() {
    let positions: [Int32] = [0, 3, 1]
    let angles = (0..<4 * 2).map { Double($0) * 0.37 }
    checkGradients([.random(3, 12, "x")]) {
      rotated(
        $0[0],
        RotaryAngles(
          positions: positions, cosines: angles.map { Float(cos($0)) },
          sines: angles.map { Float(sin($0)) }, pairCount: 2, headDimension: 6), in: $1)
    } formula: { inputs in
      var result = inputs[0]
      for row in 0..<3 {
        for head in 0..<2 {
          for pair in 0..<2 {
            let angle = angles[Int(positions[row]) * 2 + pair]
            let (a, b) = (head * 6 + pair, head * 6 + pair + 2)
            result[row, a] = inputs[0][row, a] * cos(angle) - inputs[0][row, b] * sin(angle)
            result[row, b] = inputs[0][row, b] * cos(angle) + inputs[0][row, a] * sin(angle)
          }
        }
      }
      return result.values
    }
  }

  @Test(arguments: [Activation.silu, .geluTanh, .gelu])
  func `gated unit`(_ activation: Activation) {
    checkGradients([.random(5, 9, "gate"), .random(5, 9, "up")]) {
      gatedUnit(gate: $0[0], up: $0[1], activation: activation, in: $1)
    } formula: { inputs in
      zip(inputs[0].values, inputs[1].values).map { x, up in
        switch activation {
        case .silu: x / (1 + exp(-x)) * up
        case .geluTanh:
          x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) * up
        case .gelu: x / 2 * (1 + erf(x / 2.0.squareRoot())) * up
        case .relu: max(0, x) * up
        }
      }
    }
  }

  @Test(arguments: [1, 3])
  func `projections with updates of low rank`(_ threads: Int) {
    let (first, second) = (Matrix.random(10, 7, "w1"), Matrix.random(6, 7, "w2"))
    let weights = [Self.weight(first), Self.weight(second)]
    let inputs: [Matrix] = [
      .random(5, 7, "x"), .random(3, 7, "down"), .random(10, 3, "up"),
    ]
    checkGradients(inputs, threads: threads) {
      let outputs = projected(
        $0[0], through: weights,
        lowRank: [LowRank(down: $0[1], up: $0[2], scale: 1.5), nil], in: $1)
      // Both outputs in one tensor: rows of the first times the second.
      return gatedUnit(
        gate: projected(outputs[0], through: [Self.weight(.random(6, 10, "w3"))], in: $1)[0],
        up: outputs[1], activation: .silu, in: $1)
    } formula: { inputs in
      var one = inputs[0].timesTransposed(first)
      let update = inputs[0].timesTransposed(inputs[1]).timesTransposed(inputs[2])
      for index in one.values.indices { one.values[index] += 1.5 * update.values[index] }
      let gate = one.timesTransposed(.random(6, 10, "w3"))
      let up = inputs[0].timesTransposed(second)
      return zip(gate.values, up.values).map { $0 / (1 + exp(-$0)) * $1 }
    }
  }

  @Test func `an update with an input of its own`() {
    let matrix = Matrix.random(4, 7, "w1")
    let weight = Self.weight(matrix)
    checkGradients([
      .random(5, 7, "x"), .random(2, 7, "down"), .random(4, 2, "up"), .random(5, 7, "other"),
    ]) {
      projected(
        $0[0], through: [weight],
        lowRank: [LowRank(down: $0[1], up: $0[2], scale: 0.5, input: $0[3])], in: $1)[0]
    } formula: { inputs in
      let update = inputs[3].timesTransposed(inputs[1]).timesTransposed(inputs[2])
      return zip(inputs[0].timesTransposed(matrix).values, update.values).map { $0 + 0.5 * $1 }
    }
  }

  @Test func `dropout keeps about its share and scales what it keeps`() {
    let input = Matrix.random(40, 50, "x")
    let engine = Engine(threads: 2, compute: .f32)
    let tensor = engine.tensor([40, 50], input.floats)
    let random = RandomSource(seed: 5, purpose: "dropout")
    let mask = dropped(
      engine.tensor([40, 50], [Float](repeating: 1, count: 2000)), probability: 0.25, place: 3,
      in: Pass(engine, random: random)
    ).values.map(Double.init)
    let kept = mask.filter { $0 != 0 }.count
    #expect(abs(kept - 1500) < 90)
    #expect(Set(mask) == [0, Double(Float(1 / 0.75))])
    #expect(dropped(tensor, probability: 0.25, place: 3, in: Pass(engine)) === tensor)
    checkGradients([input]) {
      dropped($0[0], probability: 0.25, place: 3, in: $1)
    } formula: {
      zip($0[0].values, mask).map(*)
    }
  }

  @Test func `rows gathered from a table, one of them twice`() {
    checkGradients([.random(6, 4, "table")]) {
      gathered([2, 0, 2, 5], from: $0[0], in: $1)
    } formula: { inputs in
      [2, 0, 2, 5].flatMap { row in (0..<4).map { inputs[0][row, $0] } }
    }
  }

  /// Attention's rules, each alone and together.
  @Test(arguments: [(nil, 0), (3, 0), (nil, 1.5), (2, 0.8)] as [(Int?, Double)])
  func `attention`(_ window: Int?, _ softCap: Double) {
    let spans = [
      AttentionSpan(whole: 0..<4), AttentionSpan(whole: 4..<9),
    ]
    let shape = AttentionShape(
      headCount: 4, keyValueHeadCount: 2, headDimension: 3, scale: 0.7, softCap: Float(softCap),
      window: window)
    let usesPrefix = window == nil
    let inputs: [Matrix] = [
      .random(9, 12, "q"), .random(9, 6, "k"), .random(9, 6, "v"), .random(2, 6, "pk"),
      .random(2, 6, "pv"),
    ]
    checkGradients(Array(inputs.prefix(usesPrefix ? 5 : 3))) {
      attended(
        $0[0], keys: $0[1], values: $0[2],
        prefix: usesPrefix ? (keys: $0[3], values: $0[4]) : nil, spans: spans, shape: shape, in: $1)
    } formula: { inputs in
      var result = Matrix(9, 12)
      for span in spans {
        for query in span.queries {
          for head in 0..<4 {
            let offset = head / 2 * 3
            let oldest = window.map { max(span.keys.lowerBound, query - $0 + 1) }
            var seen = ((oldest ?? span.keys.lowerBound)...query).map { (inputs[1], inputs[2], $0) }
            if usesPrefix { seen = [0, 1].map { (inputs[3], inputs[4], $0) } + seen }
            let scores = seen.map { keys, _, row -> Double in
              let score =
                (0..<3).reduce(0.0) {
                  $0 + inputs[0][query, head * 3 + $1] * keys[row, offset + $1]
                } * Double(Float(0.7))
              return softCap > 0 ? tanh(score / softCap) * softCap : score
            }
            let sum = scores.reduce(0) { $0 + exp($1) }
            for (score, (_, values, row)) in zip(scores, seen) {
              for column in 0..<3 {
                result[query, head * 3 + column] +=
                  exp(score) / sum * values[row, offset + column]
              }
            }
          }
        }
      }
      return result.values
    }
  }

  @Test func `cross-entropy through a head, also a trained one`() {
    let head = Matrix.random(20, 6, "head")
    let weight = Self.weight(head)
    let rows: [Int32] = [4, 0, 2]
    let targets: [Int32] = [7, 19, 0]
    checkGradients([.random(5, 6, "hidden"), .random(2, 6, "down"), .random(20, 2, "up")]) {
      inputs, pass in
      headCrossEntropy(
        inputs[0], rows: rows, targets: targets, weight: 0.25, vocabulary: 20, in: pass
      ) {
        projected(
          $0, through: [weight], lowRank: [LowRank(down: inputs[1], up: inputs[2], scale: 2)],
          in: $1)[0]
      }.total
    } formula: { inputs in
      let plain = inputs[0].timesTransposed(head)
      let update = inputs[0].timesTransposed(inputs[1]).timesTransposed(inputs[2])
      let losses = zip(rows, targets).map { row, target -> Double in
        let logits = (0..<20).map { plain[Int(row), $0] + 2 * update[Int(row), $0] }
        return log(logits.reduce(0) { $0 + exp($1) }) - logits[Int(target)]
      }
      return [losses.reduce(0, +) * 0.25]
    }
  }
}
