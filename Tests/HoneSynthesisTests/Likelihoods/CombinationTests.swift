import HoneTensors
import Testing

@testable import HoneSynthesis

@Suite struct CombinationTests {
  private let random = RandomSource(seed: 3, purpose: "combination")

  /// Two numbers that each tell a little, and a third that is higher for false pairs.
  private func rows(_ count: Int, _ shift: Double, from start: UInt64) -> [[Double]] {
    (0..<count).map { index in
      let at = start + UInt64(index) * 3
      return [
        random.normal(at) + shift, 10 * (random.normal(at + 1) + shift),
        random.normal(at + 2) - shift,
      ]
    }
  }

  @Test func `several filters tell more than the best of them`() throws {
    let found = Combination(
      ["a", "b", "c"], trues: rows(200, 0.7, from: 0), falses: rows(400, -0.7, from: 10_000))
    #expect(found.parts[0].weight > 0.5)
    // Measured in other units, it weighs as much.
    #expect(abs(found.parts[0].weight - found.parts[1].weight) < 0.6)
    #expect(found.parts[2].weight == 0)
    let others = [rows(500, 0.7, from: 20_000), rows(500, -0.7, from: 30_000)]
    let sums = try others.map {
      try $0.map { try #require(found.value(["a": $0[0], "b": $0[1], "c": $0[2]])) }
    }
    let alone = (0..<2).map { column in
      Calibration.auc(others[0].map { $0[column] }, others[1].map { $0[column] })
    }
    // By arithmetic: Φ(0.99) = 0.84 for each, Φ(1.4) = 0.92 for both.
    #expect(alone.allSatisfy { abs($0 - 0.84) < 0.03 })
    #expect(abs(Calibration.auc(sums[0], sums[1]) - 0.92) < 0.03)
    #expect(found.value(["a": 1]) == nil)
    #expect(found.weakest(["a": 0, "b": -30, "c": 5]) == "b")
  }

  @Test func `sides that are far apart have finite weights`() {
    let found = Combination(["a"], trues: [[5], [6], [7]], falses: [[-5], [-6]])
    #expect(found.parts[0].weight > 0.5 && found.parts[0].weight < 100)
    let equal = Combination(["a"], trues: [[1], [1]], falses: [[1]])
    #expect(equal.parts[0].weight == 0)
  }

  @Test func `filters that tell true from false judge as one, and by the rate`() throws {
    var controls: [Control] = []
    var measured: [Measurements] = []
    let chunk = Chunk.sample("A passage.")
    for origin in 0..<60 {
      for kind in [nil, Control.Kind.swapped, .perturbed] {
        let pair = QuestionPair(question: "q", answer: "a", chunk: chunk)
        controls.append(Control(pair, kind, origin: origin))
        let shift: Float = kind == nil ? 0.8 : -0.8
        let at = UInt64(measured.count) * 2
        var one = Measurements()
        let open = Float(random.normal(at)) + shift
        one.sourceAnswer = TokenScoreList([open])
        one.passageAlone = TokenScoreList([open - Float(random.normal(at + 1)) - shift])
        measured.append(one)
      }
    }
    let filters = LikelihoodFilter.all.filter { ["open_book", "question_gain"].contains($0.name) }
    let found = Calibration(filters, controls: controls, measured: measured, falseAcceptRate: 0.1)
    #expect(found.findings.map(\.filter) == ["open_book", "question_gain", "together"])
    #expect(found.findings.map(\.isJoined) == [true, true, false])
    let together = try #require(found["together"])
    #expect(together.falseAccepted <= 0.1)
    #expect(together.trueAccepted > found["open_book"]!.trueAccepted)
    #expect(together.trueAccepted > found["question_gain"]!.trueAccepted)
    #expect(found.weight(of: found["open_book"]!)! > 0)

    // What the user draws a line for judges alone, and one that is left is no combination.
    let own = Calibration(
      filters, controls: controls, measured: measured, falseAcceptRate: 0.1,
      thresholds: ["open_book": 0.5])
    #expect(own.combination == nil)
    #expect(own["open_book"]?.threshold == 0.5 && own["open_book"]?.isJoined == false)
  }
}
