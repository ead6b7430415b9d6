import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneTraining

@Suite struct TrainingRunTests {
  /// What peft trained, see `make_lora_fixtures.py`: ten AdamW steps on one batch.
  @Test(arguments: [
    "tied-plain", "tied-rslora", "tied-patterns", "untied-plain", "untied-rslora",
    "untied-patterns",
  ])
  func `ten steps have peft's losses and end in peft's adapter`(_ name: String) throws {
    let run = TemporaryRun()
    let base = name.hasPrefix("tied") ? "tiny-llama-tied" : "tiny-llama-untied"
    let tiny = try TinyRun(
      base, adapter: fixture("lora-\(name)/initial"), folder: run.folder)
    let file = try SafetensorsFile(path: fixture("lora-\(name)/expected.safetensors"))
    func numbers<Number>(_ name: String, _: Number.Type) throws -> [Number] {
      let tensor = try #require(file.tensor(named: name))
      return (0..<tensor.elementCount).map {
        tensor.bytes.loadUnaligned(
          fromByteOffset: $0 * MemoryLayout<Number>.stride, as: Number.self)
      }
    }
    let ids = try numbers("input_ids", Int64.self).map(Int32.init)
    let labels = try numbers("labels", Int64.self)
    let length = 20
    let sequences = stride(from: 0, to: ids.count, by: length).map { start in
      TokenSequence(
        ids: Array(ids[start..<start + length]),
        trained: labels[start..<start + length].map { $0 >= 0 })
    }
    let manifest = try JSONParser.parse(
      contentsOf: MappedFile(path: fixture("lora-\(name)/manifest.json")))
    let rate = manifest.object?["learning_rate"]?.double ?? 1e-2
    var losses: [Double] = []
    _ = try tiny.run(
      FixedBatches(steps: [[batch(sequences)]]), plainOptions(steps: 10, rate: rate),
      listener: {
        if case .step(let step) = $0 { losses.append(step.loss) }
      })
    for (found, expected) in zip(losses, try numbers("losses", Float.self)) {
      // Adam turns a gradient that is all rounding into a whole step, so later losses differ by more
      // than f32's own rounding.
      #expect(abs(found - Double(expected)) < 1e-5 * Double(expected))
    }
    let final = try AdapterFolder.load(
      fixture("lora-\(name)/final"), for: tiny.model, engine: tiny.engine)
    for (own, theirs) in zip(tiny.adapter.parameters, final.parameters) {
      #expect(own.name == theirs.name)
      let difference = zip(own.tensor.values, theirs.tensor.values)
        .reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }.squareRoot()
      let size = theirs.tensor.values.reduce(0.0) { $0 + pow(Double($1), 2) }.squareRoot()
      #expect(difference < 1e-3 * size, "\(own.name)")
    }
  }

  private static let data = FixedBatches(
    steps: (0..<4).map { [batch(randomSequences(3, "step \($0)"))] })

  @Test func `threads change no bit`() throws {
    var adapters: [[[Float]]] = []
    for threads in 1...3 {
      let run = TemporaryRun()
      let tiny = try TinyRun(
        threads: threads, compute: .auto, dropout: 0.1, folder: run.folder)
      _ = try tiny.run(Self.data, plainOptions(steps: 4))
      adapters.append(tiny.numbers)
    }
    #expect(adapters[0] == adapters[1])
    #expect(adapters[0] == adapters[2])
  }

  @Test func `saving memory changes no bit in f32`() throws {
    let adapters = try [TrainingOptions.Memory.fast, .saving].map { memory in
      let run = TemporaryRun()
      let tiny = try TinyRun(dropout: 0.1, folder: run.folder)
      var options = plainOptions(steps: 3)
      options.memory = memory
      _ = try tiny.run(Self.data, options)
      return tiny.numbers
    }
    #expect(adapters[0] == adapters[1])
  }

  @Test func `a step cut into batches is the same step`() throws {
    let sequences = randomSequences(4)
    let steps = [[batch(sequences)], sequences.map { batch([$0]) }]
    let losses = try steps.map { step -> [Double] in
      let run = TemporaryRun()
      let tiny = try TinyRun(folder: run.folder)
      var losses: [Double] = []
      _ = try tiny.run(
        FixedBatches(steps: [step]), plainOptions(steps: 5),
        listener: {
          if case .step(let step) = $0 { losses.append(step.loss) }
        })
      return losses
    }
    for (whole, cut) in zip(losses[0], losses[1]) { #expect(abs(whole - cut) < 1e-5) }
    #expect((losses[0].last ?? 9) < losses[0][0])
  }

  @Test func `packed rows have the loss of rows apart`() throws {
    let sequences = randomSequences(5)
    let apart = batch(sequences)
    let packed = Batch(rows: [
      PackedRow(sequences: [sequences[0], sequences[1], sequences[2]]),
      PackedRow(sequences: [sequences[3], sequences[4]]),
    ])
    let losses = try [apart, packed].map { batch -> Double in
      let run = TemporaryRun()
      let tiny = try TinyRun(folder: run.folder)
      var last = 0.0
      _ = try tiny.run(
        FixedBatches(steps: [[batch]]), plainOptions(steps: 3),
        listener: {
          if case .step(let step) = $0 { last = step.loss }
        })
      return last
    }
    #expect(abs(losses[0] - losses[1]) < 1e-5)
  }

  @Test(arguments: ["adamw", "adafactor", "sgd"])
  func `an interrupted run goes on to the same bits`(_ optimizer: String) throws {
    var options = plainOptions(steps: 9, rate: optimizer == "sgd" ? 0.1 : 1e-3)
    options.optimizer = optimizer
    options.schedule = .cosine
    options.warmup = 0.2
    options.checkpointEvery = 2
    options.validateEvery = 3
    let validation = FixedBatches(steps: [[batch(randomSequences(2, "valid"))]])
    let whole = TemporaryRun()
    let uninterrupted = try TinyRun(dropout: 0.1, folder: whole.folder)
    let end = try uninterrupted.run(Self.data, validation: validation, options)
    #expect(end.reason == .completed)

    let run = TemporaryRun()
    for stop in [1, 4, 5] {
      var step = 0
      let part = try TinyRun(dropout: 0.1, folder: run.folder)
      let end = try part.run(
        Self.data, validation: validation, options, resuming: true,
        isInterrupted: { step == stop },
        listener: {
          if case .step(let event) = $0 { step = event.step }
        })
      #expect(end.reason == .interrupted && end.step == stop)
    }
    let rest = try TinyRun(dropout: 0.1, folder: run.folder)
    _ = try rest.run(Self.data, validation: validation, options, resuming: true)
    #expect(rest.numbers == uninterrupted.numbers)
    let adapter = "adapter/adapter_model.safetensors"
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: "\(run.path)/\(adapter)"))
        == Data(contentsOf: URL(fileURLWithPath: "\(whole.path)/\(adapter)")))

    let lines = try String(contentsOfFile: run.folder.eventsPath, encoding: .utf8)
      .split(separator: "\n").map { try JSONParser.parse(String($0)).object }
    let steps = lines.filter { $0?["event"]?.string == "step" }.map { $0?["step"]?.integer }
    #expect(steps == Array(1...9))
    #expect(lines.last??["reason"]?.string == "completed")
  }

  @Test func `what a killed process left half-written is no checkpoint`() throws {
    let run = TemporaryRun()
    var options = plainOptions(steps: 4)
    options.checkpointEvery = 1
    options.checkpointsKept = 1
    let first = try TinyRun(folder: run.folder)
    _ = try first.run(Self.data, options)
    #expect(run.folder.checkpointSteps == [4])
    let partial = "\(run.path)/checkpoints/.step-5.partial"
    try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
    try Data("{".utf8).write(to: URL(fileURLWithPath: "\(partial)/state.safetensors"))
    let again = try TinyRun(folder: run.folder)
    let end = try again.run(Self.data, options, resuming: true)
    #expect(end.step == 4 && again.numbers == first.numbers)
    #expect(!FileManager.default.fileExists(atPath: partial))
  }

  @Test func `a run resumes only what was the same`() throws {
    let run = TemporaryRun()
    _ = try TinyRun(folder: run.folder).run(Self.data, plainOptions(steps: 1))
    let other = try TinyRun(folder: run.folder)
    #expect {
      try other.run(Self.data, plainOptions(steps: 1, rate: 0.5), resuming: true)
    } throws: {
      "\($0)".contains("learning_rate (was 0.001, is 0.5)")
    }
  }

  @Test func `a loss that is no number stops the run and keeps the last good state`() throws {
    let run = TemporaryRun()
    let tiny = try TinyRun(folder: run.folder)
    var step = 0
    #expect {
      try tiny.run(
        Self.data, plainOptions(steps: 4),
        listener: {
          if case .step(let event) = $0 { step = event.step }
          if step == 2 { tiny.adapter.parameters[1].tensor.pointer[0] = .nan }
        })
    } throws: {
      "\($0)".contains("step 3") && "\($0)".contains("learning_rate")
    }
    #expect(run.folder.checkpointSteps.last == 2)
  }

  @Test func `a large penalty is no divergence`() throws {
    let folder = TemporaryRun()
    let tiny = try TinyRun(folder: folder.folder)
    let method = try AdapterMethods.named("diff_pruning")
    let settings = JSONObject([("l0_weight", .number(0.1))])
    let adapter = try method.make(method.values(settings), tiny.model, tiny.engine, 5)
    var losses: [Double] = []
    _ = try TrainingRun(
      tiny.model.decoder, adapter: adapter,
      objective: Supervised(vocabularySize: tiny.model.spec.vocabularySize),
      source: FixedBatches(steps: [[batch(randomSequences(2))]]),
      options: plainOptions(steps: 6, rate: 1e-4), engine: tiny.engine, folder: folder.folder
    ).run(listener: { if case .step(let step) = $0 { losses.append(step.loss) } })
    #expect(losses.count == 6 && losses[0] > 100)
  }

  @Test func `three steps in a row above what guessing gives are`() throws {
    let divergence = Divergence(limit: 5)
    for loss in [6, 6, 4, 6, 6.0] { try divergence.check(loss, step: 1) }
    let error = #expect(throws: TrainingError.self) { try divergence.check(6, step: 6) }
    #expect(error?.description.contains("worse than guessing") == true)
  }

  @Test func `early stopping leaves the best adapter`() throws {
    let run = TemporaryRun()
    let tiny = try TinyRun(folder: run.folder)
    var options = plainOptions(steps: 200, rate: 0.05)
    options.validateEvery = 1
    options.patience = 3
    var losses: [Double] = []
    let end = try tiny.run(
      Self.data, validation: FixedBatches(steps: [[batch(randomSequences(2, "valid"))]]), options,
      listener: {
        if case .validation(let event) = $0, event.step > 0 { losses.append(event.loss) }
      })
    #expect(end.reason == .earlyStopping)
    let best = try #require(end.bestStep)
    #expect(losses[best - 1] == losses.min())
    #expect(end.step == best + 3)
    let left = try AdapterFolder.load(
      run.folder.adapterPath, for: tiny.model, engine: tiny.engine)
    #expect(left.parameters.map(\.tensor.values) != tiny.numbers)
  }

  @Test func `gradients are clipped to their norm`() throws {
    let run = TemporaryRun()
    let tiny = try TinyRun(folder: run.folder)
    var options = plainOptions(steps: 1, rate: 1)
    options.optimizer = "sgd"
    options.gradientClip = 1e-3
    let before = tiny.numbers
    _ = try tiny.run(Self.data, options)
    let moved = zip(before.joined(), tiny.numbers.joined())
      .reduce(0.0) { $0 + pow(Double($1.1 - $1.0), 2) }.squareRoot()
    #expect(abs(moved - 1e-3) < 1e-5)
  }
}
