import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors

private let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().path

/// A tiny model's folder or file.
func tinyModel(_ name: String) -> String { "\(tests)/HoneModelsTests/Fixtures/\(name)" }

/// A folder of what peft computed.
func peftFixture(_ name: String) -> String { "\(tests)/HoneTrainingTests/Fixtures/\(name)" }

extension SafetensorsFile {
  func numbers<Number>(_ name: String, as: Number.Type) -> [Number] {
    guard let tensor = tensor(named: name) else { return [] }
    return (0..<tensor.elementCount).map {
      tensor.bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.stride, as: Number.self)
    }
  }

  func floats(_ name: String) -> [Float] { numbers(name, as: Float.self) }
}

/// The difference of two lists' numbers, relative to the length of the second.
func relativeError(_ found: [Float], _ expected: [Float]) -> Double {
  guard found.count == expected.count else { return .infinity }
  let difference = zip(found, expected).reduce(0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
  let length = expected.reduce(0) { $0 + pow(Double($1), 2) }
  return length == 0 ? difference.squareRoot() : (difference / length).squareRoot()
}

func largestDifference(_ found: [Float], _ expected: [Float]) -> Float {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).map { abs($0 - $1) }.max() ?? 0
}

/// Whether two files exist and hold the same.
func areSame(_ first: String, _ second: String) -> Bool {
  guard let one = FileManager.default.contents(atPath: first) else { return false }
  return one == FileManager.default.contents(atPath: second)
}

/// A folder that is removed when the test ends.
final class TemporaryFolder {
  let path = NSTemporaryDirectory() + "hone-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Rows of tokens with the targets that are trained.
struct TrainedRows {
  var rows: [[Int32]]
  /// Which row of hidden states each target follows.
  var places: [Int32]
  var targets: [Int32]

  /// - Parameter labels: as peft has them, -100 for what is not trained.
  init(ids: [Int32], labels: [Int32], length: Int) {
    rows = stride(from: 0, to: ids.count, by: length).map { Array(ids[$0..<$0 + length]) }
    places = []
    targets = []
    for row in 0..<rows.count {
      for place in 1..<length where labels[row * length + place] >= 0 {
        places.append(Int32(row * length + place - 1))
        targets.append(labels[row * length + place])
      }
    }
  }

  init(_ rows: [[Int32]]) {
    self.rows = rows
    places = []
    targets = []
    var start = 0
    for row in rows {
      for place in 1..<max(1, row.count) {
        places.append(Int32(start + place - 1))
        targets.append(row[place])
      }
      start += row.count
    }
  }
}

extension LanguageModel {
  /// All logits of whole sequences.
  func logits(_ rows: [[Int32]], adapter: any Adapter, engine: Engine) -> [Float] {
    let pass = Pass(engine)
    return decoder.logits(
      decoder.hiddenStates(TokenBatch(rows), adapter: adapter, in: pass), adapter: adapter,
      in: pass
    ).values
  }

  /// The mean loss of the trained tokens, and its gradients when they are wanted.
  func loss(
    _ batch: TrainedRows, adapter: any Adapter, engine: Engine, random: RandomSource? = nil,
    recomputing: Bool = false
  ) -> (loss: Float, gradients: Gradients) {
    let tape = Tape()
    let pass = Pass(engine, tape: tape, random: random, recomputingBlocks: recomputing)
    let hidden = decoder.hiddenStates(TokenBatch(batch.rows), adapter: adapter, in: pass)
    let losses = decoder.crossEntropy(
      hidden, rows: batch.places, targets: batch.targets, weight: 1 / Float(batch.targets.count),
      adapter: adapter, in: pass)
    var total = losses.total
    if let penalty = adapter.penalty(in: pass) { total = added(total, penalty, in: pass) }
    let gradients = tape.gradients(of: total, seed: engine.tensor([1], [1]), in: engine)
    return (total.values[0], gradients)
  }
}
