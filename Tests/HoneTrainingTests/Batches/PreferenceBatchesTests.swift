import Foundation
import HoneData
import HoneFormats
import HoneText
import Testing

@testable import HoneTraining

@Suite struct PreferenceBatchesTests {
  /// Pairs of one letter each, in a file that is removed when the test ends.
  private final class Pairs {
    let data: PreferenceData
    private let path: String

    init(_ count: Int, unpairs: Bool = false) throws {
      path = NSTemporaryDirectory() + "hone-pairs-\(UUID().uuidString).jsonl"
      let rows = (0..<count).map { #"{"prompt": "p\#($0)", "chosen": "c", "rejected": "r"}"# }
      try Data(rows.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
      let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
      let tokenizer = try Tokenizer(
        folder: "\(folder)/HoneModelsTests/Fixtures/tiny-llama-tied")
      var options = PreferenceOptions()
      options.unpairs = unpairs
      data = try PreferenceData(
        path, renderer: Renderer(tokenizer: tokenizer, template: nil, variables: JSONObject()),
        options: options)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  @Test func `an epoch has every pair once, in an order of its own`() throws {
    let pairs = try Pairs(11)
    let batches = try PreferenceBatches(
      pairs.data, batchSize: 2, accumulation: 2, shuffles: true, seed: 3)
    #expect(batches.stepsPerEpoch == 3)
    func epoch(_ number: Int) throws -> [[Int]] {
      try (0..<3).flatMap { try batches.batches(step: number * 3 + $0) }
        .map { $0.pairs.map(\.index) }
    }
    let first = try epoch(0)
    #expect(first.map(\.count) == [2, 2, 2, 2, 2, 1])
    #expect(first.joined().sorted() == Array(0..<11))
    #expect(try epoch(1).joined().sorted() == Array(0..<11))
    #expect(try epoch(1) != first)
  }

  @Test func `a step's batches need none before them, and follow the seed`() throws {
    let pairs = try Pairs(20)
    func indices(_ step: Int, seed: UInt64, shuffles: Bool = true) throws -> [Int] {
      try PreferenceBatches(pairs.data, batchSize: 4, shuffles: shuffles, seed: seed)
        .batches(step: step).flatMap { $0.pairs.map(\.index) }
    }
    let walked = try PreferenceBatches(pairs.data, batchSize: 4, shuffles: true, seed: 3)
    for step in 0..<12 {
      #expect(
        try walked.batches(step: step).flatMap { $0.pairs.map(\.index) } == indices(step, seed: 3))
    }
    #expect(try indices(7, seed: 3) != indices(7, seed: 4))
    #expect(try indices(6, seed: 3, shuffles: false) == [4, 5, 6, 7])
  }

  @Test func `single answers are shuffled too, and pairs are not made of them`() throws {
    let answers = try Pairs(3, unpairs: true)
    let batches = UnpairedBatches(answers.data, batchSize: 6, shuffles: true, seed: 1)
    let found = try batches.batches(step: 0).flatMap(\.examples)
    #expect(found.map(\.index).sorted() == Array(0..<6))
    #expect(found.count { $0.isDesirable } == 3)
    #expect {
      try PreferenceBatches(answers.data, batchSize: 1, shuffles: false, seed: 0)
    } throws: {
      "\($0)".contains("learns from pairs")
    }
  }
}
