import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneTraining

/// What peft and TRL make of a reward model, see `make_reward_fixture.py`.
@Suite struct RewardPreferenceTests {
  private let expected: SafetensorsFile
  private let pairs: [PreferencePair]
  private let engine: Engine
  private let base: LanguageModel

  init() throws {
    expected = try SafetensorsFile(path: fixture("reward-tiny/expected.safetensors"))
    let rows = try JSONParser.parse(
      contentsOf: MappedFile(path: fixture("preference-tiny/pairs.json"))
    ).array
    func ids(_ value: JSONValue?) -> [Int32] {
      value?.array?.compactMap(\.integer).map { Int32($0) } ?? []
    }
    pairs = (rows ?? []).enumerated().map { index, row in
      PreferencePair(
        prompt: ids(row["prompt"]), chosen: ids(row["chosen"]), rejected: ids(row["rejected"]),
        index: index)
    }
    let run = TemporaryRun()
    let tiny = try TinyRun(folder: run.folder)
    (engine, base) = (tiny.engine, tiny.model)
  }

  private func numbers(_ name: String) throws -> [Float] {
    let tensor = try #require(expected.tensor(named: name), "\(name)")
    return (0..<tensor.elementCount).map {
      tensor.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
    }
  }

  private func model() throws -> RewardModel {
    try RewardModel.load(fixture("reward-tiny/initial"), for: base, engine: engine)
  }

  private var batch: ReferencedPairs { ReferencedPairs(pairs: pairs, references: []) }

  @Test func `answers get the numbers that transformers gives them`() throws {
    let found = RewardPreference.rewards(
      of: pairs.map { ($0.prompt, [$0.chosen, $0.rejected]) }, decoder: base.decoder,
      model: try model(), in: Pass(engine)
    ).values
    let theirs = try numbers("rewards")
    try #require(found.count == 8 && theirs.count == 8)
    for index in pairs.indices {
      #expect(abs(found[2 * index] - theirs[index]) < 1e-5)
      #expect(abs(found[2 * index + 1] - theirs[4 + index]) < 1e-5)
    }
  }

  @Test(arguments: [("plain", 0.0), ("centered", 0.01)])
  func `loss and gradients are TRL's`(_ variant: String, centering: Double) throws {
    let model = try model()
    var objective = RewardPreference()
    objective.centering = centering
    let tape = Tape()
    let found = try objective.loss(
      of: batch, over: 4, decoder: base.decoder, adapter: model, in: Pass(engine, tape: tape))
    #expect(abs(found.total.pointer[0] - (try numbers("\(variant).loss")[0])) < 1e-5)
    let gradients = tape.gradients(
      of: found.total, seed: engine.tensor([1], [1]), in: engine)
    #expect(model.parameters.count == 9)
    for parameter in model.parameters {
      let theirs = try numbers("\(variant).gradient.\(parameter.name)")
      let own = try #require(gradients[parameter.tensor]).values
      let difference = zip(own, theirs).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
      let size = theirs.reduce(0.0) { $0 + pow(Double($1), 2) }
      #expect(difference.squareRoot() < 1e-4 * size.squareRoot(), "\(parameter.name)")
    }
  }

  private func train(
    _ model: RewardModel, _ folder: RunFolder, stoppingAfter stop: Int? = nil
  ) throws -> [TrainingEvent.Step] {
    var steps: [TrainingEvent.Step] = []
    _ = try TrainingRun(
      base.decoder, adapter: model, objective: RewardPreference(),
      source: FixedSteps(steps: [[batch]]), options: plainOptions(steps: 10, rate: 1e-2),
      engine: engine, folder: folder
    ).run(
      resuming: true, isInterrupted: { steps.count == stop },
      listener: { if case .step(let step) = $0 { steps.append(step) } })
    return steps
  }

  @Test func `ten steps have TRL's losses, margins and accuracies`() throws {
    let run = TemporaryRun()
    let steps = try train(try model(), run.folder)
    #expect(steps.count == 10)
    for (name, own) in [
      ("margins", "rewards/margins"), ("accuracies", "rewards/accuracies"),
    ] {
      for (step, theirs) in zip(steps, try numbers(name)) {
        let found = try #require(step.metrics.first { $0.name == own }).value
        #expect(abs(found - Double(theirs)) < 1e-3 * max(1, Double(theirs)), "\(name)")
      }
    }
    for (step, theirs) in zip(steps, try numbers("losses")) {
      #expect(abs(step.loss - Double(theirs)) < 1e-3 * Double(theirs) + 1e-6)
    }
  }

  @Test func `an interrupted run goes on to the bit, and its folder reads back`() throws {
    let (whole, parts) = (TemporaryRun(), TemporaryRun())
    let model = try model()
    _ = try train(model, whole.folder)
    _ = try train(try self.model(), parts.folder, stoppingAfter: 4)
    _ = try train(try self.model(), parts.folder)
    let again = try RewardModel.load(parts.folder.adapterPath, for: base, engine: engine)
    for (one, other) in zip(model.parameters, again.parameters) {
      #expect(one.name == other.name && one.tensor.values == other.tensor.values)
    }
  }

  @Test func `a folder is as peft writes it`() throws {
    let run = TemporaryRun()
    let path = run.folder.path + "/written"
    try AdapterFolder.save(try model(), to: path, base: "tiny-llama-tied")
    let (own, theirs) = try (
      AdapterFolder.contents(of: path), AdapterFolder.contents(of: fixture("reward-tiny/initial"))
    )
    for key in ["task_type", "modules_to_save", "peft_type", "r", "lora_alpha"] {
      #expect(own.config[key] == theirs.config[key], "\(key)")
    }
    #expect(Set(own.entries.map(\.name)) == Set(theirs.entries.map(\.name)))
    for entry in own.entries {
      let other = try #require(theirs.entries.first { $0.name == entry.name })
      #expect(entry.shape == other.shape && entry.values == other.values, "\(entry.name)")
    }
    #expect(try model().trainedFileBytes == model().folder().fileBytes)
  }

  @Test func `a reward model is no adapter that writes, nor the other way about`() throws {
    let error = #expect(throws: AdapterError.self) {
      try AdapterFolder.load(fixture("reward-tiny/initial"), for: base, engine: engine)
    }
    #expect(error?.description.contains("holds a reward model") == true)
    let other = #expect(throws: AdapterError.self) {
      try RewardModel.load(fixture("lora-tied-plain/initial"), for: base, engine: engine)
    }
    #expect(other?.description.contains("expected a reward model") == true)
  }

  @Test func `any method carries a head`() throws {
    for name in ["prefix_tuning", "bottleneck", "bitfit", "oft"] {
      let method = try AdapterMethods.named(name)
      let adapter = try method.make(method.values(JSONObject()), base, engine, 3)
      let model = RewardModel(over: adapter, of: base, engine: engine, seed: 3)
      let (run, target) = (TemporaryRun(), TemporaryRun())
      let steps = try train(model, run.folder)
      #expect((steps.last?.loss ?? 9) < steps[0].loss, "\(name)")
      let path = target.folder.path + "/reward"
      try AdapterFolder.save(model, to: path)
      let again = try RewardModel.load(path, for: base, engine: engine)
      func rewards(_ model: RewardModel) -> [Float] {
        RewardPreference.rewards(
          of: pairs.map { ($0.prompt, [$0.chosen, $0.rejected]) }, decoder: base.decoder,
          model: model, in: Pass(engine)
        ).values
      }
      #expect(rewards(again) == rewards(model), "\(name)")
    }
  }
}
