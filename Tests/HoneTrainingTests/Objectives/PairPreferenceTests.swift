import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors
import HoneText
import Testing

@testable import HoneTraining

/// Steps that are given outright, the same for every epoch.
struct FixedSteps<Batch>: BatchSource {
  var steps: [[Batch]]
  var stepsPerEpoch: Int { steps.count }
  func batches(step: Int) -> [Batch] { steps[step % steps.count] }
}

@Suite struct PairPreferenceTests {
  private struct Fixture {
    let file: SafetensorsFile
    let pairs: [PreferencePair]

    init() throws {
      file = try SafetensorsFile(path: fixture("preference-tiny/expected.safetensors"))
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
    }

    func numbers(_ name: String) throws -> [Float] {
      let tensor = try #require(file.tensor(named: name), "\(name)")
      return (0..<tensor.elementCount).map {
        tensor.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
      }
    }
  }

  /// What the base makes of pairs.
  private func references(_ pairs: [PreferencePair], _ tiny: TinyRun) -> [PairReference] {
    let answers = ScoredAnswers(
      pairs.flatMap { [($0.prompt, $0.chosen), ($0.prompt, $0.rejected)] }, statistics: false,
      decoder: tiny.model.decoder, adapter: NoAdapter(), in: Pass(tiny.engine))
    return pairs.enumerated().map { index, pair in
      let shared = min(pair.chosen.count, pair.rejected.count)
      return PairReference(
        chosen: answers[2 * index].sums(sharing: shared),
        rejected: answers[2 * index + 1].sums(sharing: shared))
    }
  }

  private func check<Goal: Objective>(
    _ objective: Goal, _ batch: Goal.Batch, _ variant: String, _ expected: Fixture, _ tiny: TinyRun
  ) throws {
    let tape = Tape()
    let found = try objective.loss(
      of: batch, over: 4, decoder: tiny.model.decoder, adapter: tiny.adapter,
      in: Pass(tiny.engine, tape: tape))
    let loss = try expected.numbers("\(variant).loss")[0]
    #expect(abs(found.total.pointer[0] - loss) < 1e-5 * max(1, abs(loss)))
    let gradients = tape.gradients(
      of: found.total, seed: tiny.engine.tensor([1], [1]), in: tiny.engine)
    #expect(!tiny.adapter.parameters.isEmpty)
    for parameter in tiny.adapter.parameters {
      let theirs = try expected.numbers("\(variant).gradient.\(parameter.name)")
      let own = try #require(gradients[parameter.tensor]).values
      let difference = zip(own, theirs).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
      let size = theirs.reduce(0.0) { $0 + pow(Double($1), 2) }
      #expect(difference.squareRoot() < 1e-4 * size.squareRoot(), "\(parameter.name)")
    }
  }

  @Test(arguments: ["sigmoid", "ipo", "weighted"])
  func `a tiny model's losses and gradients are TRL's`(_ variant: String) throws {
    let expected = try Fixture()
    let run = TemporaryRun()
    let tiny = try TinyRun(adapter: fixture("lora-tied-plain/initial"), folder: run.folder)
    var dpo = DPO()
    if variant == "ipo" { dpo.losses = [(.ipo, 1)] }
    if variant == "weighted" {
      dpo.tailWeight = 0.5
      dpo.weighsByLikelihood = true
    }
    try check(
      PairPreference(dpo),
      ReferencedPairs(
        pairs: expected.pairs, references: references(expected.pairs, tiny)),
      variant, expected, tiny)
  }

  @Test func `KTO's loss and gradients are TRL's`() throws {
    let expected = try Fixture()
    let run = TemporaryRun()
    let tiny = try TinyRun(adapter: fixture("lora-tied-plain/initial"), folder: run.folder)
    let examples = expected.pairs.enumerated().map { index, pair in
      UnpairedExample(
        prompt: pair.prompt, completion: index % 2 == 0 ? pair.chosen : pair.rejected,
        isDesirable: index % 2 == 0, index: index)
    }
    let mismatched = examples.indices.map { examples[($0 + 1) % 4].completion }
    let pass = Pass(tiny.engine)
    func sums(_ answers: [[Int32]]) -> [Double] {
      let scored = ScoredAnswers(
        zip(examples, answers).map { ($0.prompt, $1) }, statistics: false,
        decoder: tiny.model.decoder, adapter: NoAdapter(), in: pass)
      return answers.indices.map { scored[$0].sums(sharing: .max).shared }
    }
    let references = zip(sums(examples.map(\.completion)), sums(mismatched)).map {
      AnswerReference(own: $0, other: $1)
    }
    try check(
      KTO(),
      ReferencedAnswers(examples: examples, mismatched: mismatched, references: references),
      "kto", expected, tiny)
  }

  @Test func `ten steps have TRL's losses, rewards and log-probabilities`() throws {
    let expected = try Fixture()
    let run = TemporaryRun()
    let tiny = try TinyRun(adapter: fixture("lora-tied-plain/initial"), folder: run.folder)
    let batch = ReferencedPairs(
      pairs: expected.pairs, references: references(expected.pairs, tiny))
    var steps: [TrainingEvent.Step] = []
    _ = try TrainingRun(
      tiny.model.decoder, adapter: tiny.adapter, objective: PairPreference(DPO()),
      source: FixedSteps(steps: [[batch]]), options: plainOptions(steps: 10, rate: 1e-2),
      engine: tiny.engine, folder: run.folder
    ).run(listener: { if case .step(let step) = $0 { steps.append(step) } })
    func expect(_ name: String, _ found: (TrainingEvent.Step) -> Double) throws {
      for (step, theirs) in zip(steps, try expected.numbers(name)) {
        #expect(abs(found(step) - Double(theirs)) < 1e-3 * max(1, abs(Double(theirs))), "\(name)")
      }
    }
    func metric(_ name: String) -> (TrainingEvent.Step) -> Double {
      { step in step.metrics.first { $0.name == name }?.value ?? .nan }
    }
    #expect(steps.count == 10)
    try expect("losses") { $0.loss }
    try expect("chosen", metric("rewards/chosen"))
    try expect("rejected", metric("rewards/rejected"))
    try expect("accuracies", metric("rewards/accuracies"))
    try expect("logs", metric("logps/chosen"))
    // TRL's is a mean over tokens, ours over answers.
    for (step, theirs) in zip(steps, try expected.numbers("entropy")) {
      #expect(abs(metric("entropy")(step) - Double(theirs)) < 0.05)
    }
  }

  // MARK: A run

  private func run(
    _ tiny: TinyRun, _ steps: [[ReferencedPairs]], _ options: TrainingOptions,
    loss: any PairLoss = DPO(), stoppingAfter stop: Int? = nil
  ) throws -> [Double] {
    var losses: [Double] = []
    _ = try TrainingRun(
      tiny.model.decoder, adapter: tiny.adapter, objective: PairPreference(loss),
      source: FixedSteps(steps: steps), options: options, engine: tiny.engine, folder: tiny.folder
    ).run(
      resuming: true, isInterrupted: { losses.count == stop },
      listener: { if case .step(let step) = $0 { losses.append(step.loss) } })
    return losses
  }

  private func steps(_ tiny: TinyRun) throws -> [[ReferencedPairs]] {
    let pairs = try Fixture().pairs
    let references = references(pairs, tiny)
    return [
      [
        ReferencedPairs(pairs: Array(pairs[..<2]), references: Array(references[..<2])),
        ReferencedPairs(pairs: [pairs[2]], references: [references[2]]),
      ], [ReferencedPairs(pairs: [pairs[3]], references: [references[3]])],
    ]
  }

  @Test func `a policy that starts as its reference has ln 2, and margins of nothing`() throws {
    let run = TemporaryRun()
    let tiny = try TinyRun(compute: .auto, folder: run.folder)
    for batch in try steps(tiny).joined() {
      let found = try PairPreference(DPO()).loss(
        of: batch, over: Double(batch.pairs.count), decoder: tiny.model.decoder,
        adapter: tiny.adapter, in: Pass(tiny.engine, tape: Tape()))
      #expect(found.total.pointer[0] == Float(0.693_147_180_559_945_3))
      for name in ["rewards/margins", "rewards/chosen", "rewards/accuracies"] {
        #expect(found.metrics.first { $0.name == name }?.sum == 0, "\(name)")
      }
    }
  }

  @Test func `threads change no bit, and a resumed run is the whole one`() throws {
    var options = plainOptions(steps: 6, rate: 5e-3)
    options.checkpointEvery = 2
    var found: [(numbers: [[Float]], losses: [Double])] = []
    for threads in 1...3 {
      let folder = TemporaryRun()
      let tiny = try TinyRun(threads: threads, dropout: 0.1, folder: folder.folder)
      let losses = try run(tiny, steps(tiny), options)
      found.append((tiny.numbers, losses))
    }
    #expect(found[0].numbers == found[1].numbers)
    #expect(found[0].numbers == found[2].numbers)
    #expect((found[0].losses.last ?? 9) < found[0].losses[0])
    let folder = TemporaryRun()
    for stop in [1, 2] {
      let tiny = try TinyRun(dropout: 0.1, folder: folder.folder)
      _ = try run(tiny, steps(tiny), options, stoppingAfter: stop)
    }
    let last = try TinyRun(dropout: 0.1, folder: folder.folder)
    let losses = try run(last, steps(last), options)
    #expect(losses == found[0].losses.suffix(3))
    #expect(last.numbers == found[0].numbers)
  }

  @Test func `a step cut into batches is the same step`() throws {
    let pairs = try Fixture().pairs
    let losses = try [[4], [1, 1, 2]].map { sizes -> [Double] in
      let folder = TemporaryRun()
      let tiny = try TinyRun(folder: folder.folder)
      let references = references(pairs, tiny)
      var start = 0
      let step = sizes.map { size in
        defer { start += size }
        return ReferencedPairs(
          pairs: Array(pairs[start..<start + size]),
          references: Array(references[start..<start + size]))
      }
      var dpo = DPO()
      dpo.losses = [(.sigmoid, 1), (.sft, 0.5)]
      return try run(tiny, [step], plainOptions(steps: 4, rate: 5e-3), loss: dpo)
    }
    for (whole, cut) in zip(losses[0], losses[1]) { #expect(abs(whole - cut) < 1e-5) }
  }

  @Test func `a trained head gets its gradient`() throws {
    let expected = try Fixture()
    let run = TemporaryRun()
    let tiny = try TinyRun(
      adapter: fixture("lora-tied-embeddings/initial"), folder: run.folder)
    let batch = ReferencedPairs(
      pairs: expected.pairs, references: references(expected.pairs, tiny))
    func loss(_ tape: Tape?) throws -> Tensor {
      try PairPreference(DPO()).loss(
        of: batch, over: 4, decoder: tiny.model.decoder, adapter: tiny.adapter,
        in: Pass(tiny.engine, tape: tape)
      ).total
    }
    let tape = Tape()
    let gradients = tape.gradients(
      of: try loss(tape), seed: tiny.engine.tensor([1], [1]), in: tiny.engine)
    let heads = tiny.adapter.parameters.filter { $0.name.contains("lm_head") }
    #expect(!heads.isEmpty)
    for parameter in heads {
      let gradient = try #require(gradients[parameter.tensor]).values
      // Along the gradient itself the loss rises by its square.
      let length = gradient.reduce(0.0) { $0 + Double($1 * $1) }.squareRoot()
      let step = Float(2e-2 / length)
      let start = parameter.tensor.values
      func moved(_ sign: Float) throws -> Double {
        for index in start.indices {
          parameter.tensor.pointer[index] = start[index] + sign * step * gradient[index]
        }
        return Double(try loss(nil).pointer[0])
      }
      let slope = try (moved(1) - moved(-1)) / (2 * Double(step) * length)
      for index in start.indices { parameter.tensor.pointer[index] = start[index] }
      #expect(abs(slope - length) < 0.02 * length, "\(parameter.name)")
    }
  }
}
