import Foundation
import HoneAdapters
import HoneFormats
import Testing

@testable import HoneTraining

@Suite struct PairLossTests {
  /// A case of `make_preference_fixtures.py`.
  struct Case: CustomTestStringConvertible, Sendable {
    let loss: any PairLoss
    let pairs: [PairScores]
    let losses: [Double]
    let slopes: [[Double]]
    let testDescription: String

    static let all: [Case] = {
      let file = try? JSONParser.parse(
        contentsOf: MappedFile(path: fixture("preference-losses/losses.json")))
      func numbers(_ value: JSONValue?) -> [Double] { value?.array?.compactMap(\.double) ?? [] }
      let pairs = (file?["pairs"]?.array ?? []).map { pair in
        let (own, reference) = (numbers(pair["policy"]), numbers(pair["reference"]))
        let counts = numbers(pair["counts"])
        return PairScores(
          chosen: own[0], rejected: own[1], referenceChosen: reference[0],
          referenceRejected: reference[1], chosenCount: Int(counts[0]),
          rejectedCount: Int(counts[1]))
      }
      return (file?["cases"]?.array ?? []).compactMap { item in
        let names = item["loss"]?.string.map { [$0] } ?? item["loss"]?.array?.compactMap(\.string)
        guard let names else { return nil }
        let loss: any PairLoss
        switch names[0] {
        case "orpo": loss = ORPO()
        case "simpo": loss = SimPO()
        case "cpo": loss = CPO()
        default:
          var dpo = DPO()
          let weights = numbers(item["weights"])
          dpo.losses = names.enumerated().compactMap { index, name in
            DPO.Loss(rawValue: name).map { ($0, weights.isEmpty ? 1 : weights[index]) }
          }
          dpo.beta = item["beta"]?.double ?? 0.1
          dpo.labelSmoothing = item["label_smoothing"]?.double ?? 0
          loss = dpo
        }
        return Case(
          loss: loss, pairs: pairs, losses: numbers(item["losses"]),
          slopes: item["slopes"]?.array?.map(numbers) ?? [],
          testDescription: names.joined(separator: "+")
            + " \(item["beta"]?.double ?? 0.1) \(item["label_smoothing"]?.double ?? 0)")
      }
    }()
  }

  @Test(arguments: Case.all) func `losses and their derivatives are TRL's`(item: Case) {
    #expect(item.losses.count == 6)
    for (pair, (loss, slopes)) in zip(item.pairs, zip(item.losses, item.slopes)) {
      let found = item.loss.slopes(pair)
      #expect(abs(found.loss - loss) < 1e-6 * max(1, abs(loss)))
      #expect(abs(found.chosen + found.chosenWhole - slopes[0]) < 1e-6)
      #expect(abs(found.rejected - slopes[1]) < 1e-6)
    }
  }

  @Test func `every loss of the family is among TRL's cases`() {
    let found = Set(Case.all.flatMap { ($0.loss as? DPO)?.losses.map(\.loss) ?? [] })
    #expect(found == Set(DPO.Loss.allCases))
  }

  private static let all: [any PairLoss] =
    DPO.Loss.allCases.map { loss in
      var dpo = DPO()
      dpo.losses = [(loss, 1.5)]
      dpo.beta = 0.3
      dpo.labelSmoothing = 0.15
      return dpo
    } + [ORPO(), SimPO(), CPO()]

  @Test(arguments: all.indices) func `derivatives are differences' limits`(index: Int) {
    let loss = Self.all[index]
    for pair in Case.all[0].pairs {
      let found = loss.slopes(pair)
      func slope(_ path: WritableKeyPath<PairScores, Double>) -> Double {
        let values = [1e-5, -1e-5].map { step in
          var moved = pair
          moved[keyPath: path] += step
          return loss.slopes(moved).loss
        }
        return (values[0] - values[1]) / 2e-5
      }
      #expect(abs(slope(\.chosen) - found.chosen) < 1e-6 * max(1, abs(found.chosen)))
      #expect(abs(slope(\.rejected) - found.rejected) < 1e-6 * max(1, abs(found.rejected)))
      #expect(abs(slope(\.chosenWhole) - found.chosenWhole) < 1e-6)
    }
  }

  @Test func `a policy that is its reference has a loss of ln 2 and no margin`() {
    let pair = PairScores(
      chosen: -7, rejected: -9, referenceChosen: -7, referenceRejected: -9, chosenCount: 4,
      rejectedCount: 5)
    #expect(DPO().slopes(pair).loss == log(2))
    #expect(DPO().rewards(pair).chosen == 0 && DPO().rewards(pair).rejected == 0)
  }

  @Test func `smoothing is what the conservative DPO has`() {
    var dpo = DPO()
    dpo.labelSmoothing = 0.2
    for pair in Case.all[0].pairs {
      let margin = 0.1 * (pair.chosenRatio - pair.rejectedRatio)
      let expected = -0.8 * log(1 / (1 + exp(-margin))) - 0.2 * log(1 / (1 + exp(margin)))
      #expect(abs(dpo.slopes(pair).loss - expected) < 1e-12)
    }
  }

  @Test(arguments: all.indices) func `margins beyond all measure give numbers`(index: Int) {
    for size in [-1e4, 1e4] {
      let found = Self.all[index].slopes(
        PairScores(
          chosen: size, rejected: -size, referenceChosen: 0, referenceRejected: 0, chosenCount: 3,
          rejectedCount: 3))
      // e^-margin itself is beyond them in discopop, and no run gets there alive.
      let isDiscopop = index == DPO.Loss.allCases.firstIndex(of: .discopop)
      #expect(isDiscopop || (found.loss.isFinite && found.chosen.isFinite))
      #expect(!found.loss.isNaN)
    }
  }

  @Test func `what a recipe says is checked`() throws {
    func make(_ given: [(String, JSONValue)]) throws -> DPO? {
      guard case .pairs(let make) = DPO.kind.data else { return nil }
      return try make(
        SettingValues(DPO.kind.settings, given: JSONObject(given), of: "dpo")) as? DPO
    }
    let mixed = try make([
      ("loss", .array([.string("sigmoid"), .string("sft")])),
      ("loss_weights", .object(JSONObject([("sft", .number(0.5))]))),
    ])
    #expect(mixed?.losses.map(\.loss) == [.sigmoid, .sft])
    #expect(mixed?.losses.map(\.weight) == [1, 0.5])
    #expect(throws: TrainingError.self) { try make([("loss", .string("sigmoids"))]) }
    #expect(throws: TrainingError.self) { try make([("loss", .string("exo_pair"))]) }
    #expect(throws: TrainingError.self) {
      try make([("loss_weights", .object(JSONObject([("sft", .number(0.5))])))])
    }
  }
}
