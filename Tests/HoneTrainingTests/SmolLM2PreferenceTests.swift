import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors
import HoneText
import Testing

@testable import HoneTraining

/// What TRL computes in float64 when SmolLM2-135M learns four real pairs, see
/// `make_smollm2_preference_fixture.py`.
@Suite(.serialized, .enabled(if: SmolLM2.path != nil, "SmolLM2 is not cached: SKIPPED"))
struct SmolLM2PreferenceTests {
  private let expected: JSONValue
  private let pairs: [PreferencePair]
  private let engine: Engine
  private let model: LanguageModel

  init() throws {
    expected = try JSONParser.parse(
      contentsOf: MappedFile(path: fixture("smollm2-preference/expected.json")))
    func ids(_ value: JSONValue?) -> [Int32] {
      value?.array?.compactMap(\.integer).map { Int32($0) } ?? []
    }
    pairs = (expected["pairs"]?.array ?? []).enumerated().map { index, row in
      PreferencePair(
        prompt: ids(row["prompt"]), chosen: ids(row["chosen"]), rejected: ids(row["rejected"]),
        index: index)
    }
    engine = Engine(threads: 2, compute: .f32)
    model = try LanguageModel(
      LocalModel(path: #require(SmolLM2.path), layout: .gguf), engine: engine)
  }

  private func theirs(_ name: String) throws -> [Double] {
    try #require(expected[name]?.array).compactMap(\.double)
  }

  @Test func `ten steps have TRL's losses, rewards and log-probabilities`() throws {
    try #require(pairs.count == 4)
    let method = try AdapterMethods.named("lora")
    let adapter = try method.make(
      method.values(
        JSONObject([
          ("rank", .integer(16)), ("alpha", .integer(32)),
          ("target_modules", .string("all-linear")),
        ])), model, engine, 1)
    for parameter in adapter.parameters { SmolLM2.start(parameter) }
    let base = ScoredAnswers(
      pairs.flatMap { [($0.prompt, $0.chosen), ($0.prompt, $0.rejected)] }, statistics: false,
      decoder: model.decoder, adapter: NoAdapter(), in: Pass(engine))
    let references = pairs.enumerated().map { index, pair in
      let shared = min(pair.chosen.count, pair.rejected.count)
      return PairReference(
        chosen: base[2 * index].sums(sharing: shared),
        rejected: base[2 * index + 1].sums(sharing: shared))
    }
    let run = TemporaryRun()
    var steps: [TrainingEvent.Step] = []
    _ = try TrainingRun(
      model.decoder, adapter: adapter, objective: PairPreference(DPO()),
      source: FixedSteps(steps: [[ReferencedPairs(pairs: pairs, references: references)]]),
      options: plainOptions(steps: 10, rate: #require(expected["learning_rate"]?.double)),
      engine: engine, folder: run.folder
    ).run(listener: { if case .step(let step) = $0 { steps.append(step) } })
    try #require(steps.count == 10)
    var worst = 0.0
    let losses = try theirs("losses")
    // It learns: what is compared is not ten times the start.
    try #require(losses.count == 11 && losses[10] < 0.8 * losses[0])
    for (step, loss) in zip(steps, losses) {
      worst = max(worst, abs(step.loss - loss) / loss)
    }
    print("SmolLM2 dpo: losses differ from TRL's by \(worst) at most")
    #expect(worst < 1e-3)
    for name in ["rewards/chosen", "rewards/rejected", "logps/chosen", "logps/rejected"] {
      for (step, value) in zip(steps, try theirs(name)) {
        let found = try #require(step.metrics.first { $0.name == name }).value
        #expect(abs(found - value) < 1e-3 * max(1, abs(value)), "\(name)")
      }
    }
  }

  @Test func `the tokens are those of the data as it is read`() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let renderer = try Renderer(
      tokenizer: model.tokenizer, template: model.chatFormat.template(hasTools: false),
      toolTemplate: model.chatFormat.template(hasTools: true),
      variables: model.chatFormat.tokens, trainOn: .assistant)
    let data = try PreferenceData(
      "\(path)/Examples/pellgarth-voice/valid.jsonl", renderer: renderer,
      options: PreferenceOptions())
    for (index, pair) in pairs.enumerated() {
      let found = try data.pair(index)
      #expect(found.prompt == pair.prompt && found.chosen == pair.chosen)
      #expect(found.rejected == pair.rejected)
    }
  }
}
