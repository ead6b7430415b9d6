import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors
import HoneText

@testable import HoneTraining

private let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().path

func fixture(_ name: String) -> String { "\(tests)/HoneTrainingTests/Fixtures/\(name)" }

/// Batches that are given outright, the same for every epoch.
struct FixedBatches: BatchSource {
  /// By step, then by micro-batch.
  var steps: [[Batch]]
  var stepsPerEpoch: Int { steps.count }
  func batches(step: Int) -> [Batch] { steps[step % steps.count] }
}

/// A run of supervised training on a tiny model.
struct TinyRun {
  let engine: Engine
  let model: LanguageModel
  let adapter: any TrainableAdapter
  let folder: RunFolder

  init(
    _ base: String = "tiny-llama-tied", adapter path: String? = nil, threads: Int = 2,
    compute: Compute = .f32, dropout: Double = 0, folder: RunFolder
  ) throws {
    engine = Engine(threads: threads, compute: compute)
    model = try LanguageModel(
      LocalModel(path: "\(tests)/HoneModelsTests/Fixtures/\(base)", layout: .folder),
      engine: engine)
    if let path {
      adapter = try AdapterFolder.load(path, for: model, engine: engine)
    } else {
      let method = try AdapterMethods.named("lora")
      adapter = try method.make(
        method.values(
          JSONObject([
            ("rank", .integer(4)), ("target_modules", .string("all-linear")),
            ("dropout", .number(dropout)),
          ])), model, engine, 5)
    }
    self.folder = folder
  }

  func run(
    _ source: FixedBatches, validation: FixedBatches? = nil, _ options: TrainingOptions,
    resuming: Bool = false, isInterrupted: () -> Bool = { false },
    listener: (TrainingEvent) -> Void = { _ in }
  ) throws -> TrainingEvent.End {
    try TrainingRun(
      model.decoder, adapter: adapter,
      objective: Supervised(vocabularySize: model.spec.vocabularySize), source: source,
      validation: validation, options: options, engine: engine, folder: folder
    ).run(resuming: resuming, isInterrupted: isInterrupted, listener: listener)
  }

  var numbers: [[Float]] { adapter.parameters.map(\.tensor.values) }
}

/// Sequences of random tokens, all of them trained.
func randomSequences(_ count: Int, length: ClosedRange<Int> = 5...20, _ purpose: String = "ids")
  -> [TokenSequence]
{
  let random = RandomSource(seed: 9, purpose: purpose)
  return (0..<count).map { index in
    let size =
      length.lowerBound + Int(random.uniform(UInt64(index)) * Double(length.count))
    let ids = (0..<size).map { Int32(random.uniform(UInt64(1000 + index * 100 + $0)) * 250) }
    return TokenSequence(ids: ids, trained: ids.indices.map { $0 > 2 })
  }
}

func batch(_ sequences: [TokenSequence]) -> Batch {
  Batch(rows: sequences.map { PackedRow(sequences: [$0]) })
}

func plainOptions(steps: Int, rate: Double = 1e-3) -> TrainingOptions {
  var options = TrainingOptions()
  options.epochs = nil
  options.steps = steps
  options.learningRate = rate
  options.schedule = .constant
  options.warmup = 0
  options.gradientClip = nil
  return options
}

/// A run's folder that is removed when the test ends.
final class TemporaryRun {
  let path = NSTemporaryDirectory() + "hone-run-\(UUID().uuidString)"
  var folder: RunFolder { RunFolder(path: path) }
  deinit { try? FileManager.default.removeItem(atPath: path) }
}
