import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneTraining

/// What every method keeps to in a run, over the list of them; the rest of the contract stands
/// beside the methods.
@Suite struct MethodContractTests {
  struct Item: CustomTestStringConvertible, Sendable {
    let method: AdapterMethod
    let settings: JSONObject
    var testDescription: String { "\(method.name) \(JSONValue.object(settings))" }

    static let all = AdapterMethods.all.flatMap { method in
      ([JSONObject()] + method.examples).map { Item(method: method, settings: $0) }
    }

    func run(
      _ folder: RunFolder, _ source: FixedBatches, _ options: TrainingOptions,
      stoppingAfter stop: Int? = nil
    ) throws -> (adapter: any TrainableAdapter, losses: [Double]) {
      let engine = Engine(threads: 2, compute: .f32)
      let path = fixture("../../HoneModelsTests/Fixtures/tiny-llama-tied")
      let model = try LanguageModel(LocalModel(path: path, layout: .folder), engine: engine)
      let adapter = try method.make(method.values(settings), model, engine, 5)
      var losses: [Double] = []
      _ = try TrainingRun(
        model.decoder, adapter: adapter,
        objective: Supervised(vocabularySize: model.spec.vocabularySize), source: source,
        validation: nil, options: options, engine: engine, folder: folder
      ).run(
        resuming: true, isInterrupted: { losses.count == stop },
        listener: { if case .step(let step) = $0 { losses.append(step.loss) } })
      return (adapter, losses)
    }
  }

  private static let data = FixedBatches(
    steps: (0..<3).map { [batch(randomSequences(3, "step \($0)"))] })

  @Test(arguments: Item.all)
  func `a resumed run is the run that was never interrupted, to the bit`(item: Item) throws {
    var options = plainOptions(steps: 7)
    options.schedule = .cosine
    options.checkpointEvery = 2
    let whole = TemporaryRun()
    let expected = try item.run(whole.folder, Self.data, options)
    let parts = TemporaryRun()
    for stop in [1, 3] { _ = try item.run(parts.folder, Self.data, options, stoppingAfter: stop) }
    let found = try item.run(parts.folder, Self.data, options)
    #expect(found.losses.count == 3)
    #expect(found.losses == expected.losses.suffix(3))
    for (one, two) in zip(found.adapter.state, expected.adapter.state) {
      #expect(one.tensor.values == two.tensor.values, "\(one.name)")
    }
  }

  @Test(arguments: Item.all)
  func `the loss falls`(item: Item) throws {
    let run = TemporaryRun()
    let source = FixedBatches(steps: [Self.data.steps[0]])
    // Vectors, gates and keys are few and reach the output through what is frozen: they want more.
    let fewNumbers = [
      "adalora", "prefix_tuning", "ia3", "vera", "bitfit", "selective", "diff_pruning",
    ]
    let rate = fewNumbers.contains(item.method.name) ? 0.05 : 5e-3
    let losses = try item.run(run.folder, source, plainOptions(steps: 12, rate: rate)).losses
    let (first, last) = (losses.first ?? 0, losses.last ?? .infinity)
    #expect(last < 0.9 * first)
  }

  @Test(arguments: Item.all)
  func `packed rows have the loss of rows apart`(item: Item) throws {
    let sequences = randomSequences(4)
    let batches = [
      batch(sequences),
      Batch(rows: [
        PackedRow(sequences: Array(sequences[..<3])), PackedRow(sequences: [sequences[3]]),
      ]),
    ]
    // Dropout draws by place in the batch, which packing does not change.
    let losses = try batches.map { batch in
      let run = TemporaryRun()
      return try item.run(run.folder, FixedBatches(steps: [[batch]]), plainOptions(steps: 3)).losses
    }
    for (apart, packed) in zip(losses[0], losses[1]) { #expect(abs(apart - packed) < 1e-5) }
  }
}
