import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneAdapters

@Suite struct AdaLoRATests {
  private static let fixtures = ["adalora-defaults", "adalora-some", "adalora-allotted"]
    .map { PeerFixture("peft-matrices/\($0)") }
  private let engine = Engine(threads: 2, compute: .f32)
  private let rows: [[Int32]] = [[5, 9, 100, 31, 77, 8], [40, 41, 42, 43]]

  @Test(arguments: fixtures)
  func `an adapter of peft's gives peft's logits and every gradient`(fixture: PeerFixture) throws {
    try fixture.expectSameNumbers()
  }

  @Test(arguments: fixtures)
  func `ten steps have peft's losses and leave the same triplets`(fixture: PeerFixture) throws {
    try fixture.expectSameLosses()
  }

  @Test(arguments: fixtures)
  func `peft's folder is written as peft writes it`(fixture: PeerFixture) throws {
    try fixture.expectSameFolder(weights: "adapter_model.safetensors")
  }

  @Test func `what Hone writes is what peft was seen to read`() throws {
    try PeerFixture("written-matrices/adalora").expectWritten(
      AdaLoRA.method, JSONObject(), base: "tiny-llama-untied")
    try PeerFixture("written-matrices/adalora-1").expectWritten(
      AdaLoRA.method, AdaLoRA.method.examples[0], base: "tiny-llama-tied")
    try PeerFixture("written-matrices/adalora-allotted").expectWritten(
      AdaLoRA.method, JSONObject([("init_rank", .integer(4)), ("target_rank", .integer(1))]),
      base: "tiny-llama-untied"
    ) { adapter, model, engine in
      let gradients = model.loss(TrainedRows(rows), adapter: adapter, engine: engine).gradients
      adapter.stepEnded(1, of: 1, gradients: gradients, in: engine)
    }
  }

  private func moved(
    _ settings: [(String, JSONValue)]
  ) throws -> (model: LanguageModel, adapter: AdaLoRA) {
    let model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
    let adapter = try ContractCase(method: AdaLoRA.method, settings: JSONObject(settings))
      .makeMoved(model, engine)
    return (model, try #require(adapter as? AdaLoRA))
  }

  private func ranks(_ adapter: AdaLoRA) -> [Int] {
    adapter.modules.map { $0.triplets?.keptPlaces.count ?? 0 }
  }

  @Test func `the ranks shrink to the target, and what is taken stays zero`() throws {
    let (model, adapter) = try moved([
      ("init_rank", .integer(4)), ("target_rank", .integer(2)), ("tinit", .number(0.2)),
      ("tfinal", .number(0.3)),
    ])
    var sums: [Int] = []
    for step in 1...10 {
      let gradients = model.loss(TrainedRows(rows), adapter: adapter, engine: engine).gradients
      // What momentum would do.
      for parameter in adapter.parameters {
        for index in 0..<parameter.tensor.shape.count { parameter.tensor.pointer[index] += 0.01 }
      }
      adapter.stepEnded(step, of: 10, gradients: gradients, in: engine)
      #expect(adapter.isProvisional == (step < 7))
      sums.append(ranks(adapter).reduce(0, +))
      for triplets in adapter.modules.compactMap(\.triplets) where step >= 7 {
        for place in 0..<triplets.rank {
          #expect(
            (triplets.kept.pointer[place] == 0) == (triplets.values.tensor.values[place] == 0))
        }
      }
    }
    #expect(sums == [56, 56, 42, 34, 29, 28, 28, 28, 28, 28])
    #expect(Set(ranks(adapter)).count > 1)

    // The folder holds what is left, and computes the same.
    let folder = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: folder.path, base: "tiny-llama-untied")
    let again = try AdapterFolder.load(folder.path, for: model, engine: engine)
    #expect(again.parameterCount < adapter.parameterCount && !again.isProvisional)
    #expect(
      largestDifference(
        model.logits(rows, adapter: again, engine: engine),
        model.logits(rows, adapter: adapter, engine: engine)) < 1e-6)
    // As a LoRA it is the same too.
    for item in [adapter, again] {
      let nearest = try LoRA.nearest(
        to: item, rank: 4, of: "folder", model: model, engine: engine)
      #expect(nearest.residual == 0)
      #expect(
        largestDifference(
          model.logits(rows, adapter: nearest.adapter, engine: engine),
          model.logits(rows, adapter: adapter, engine: engine)) < 1e-5)
    }
  }

  @Test func `the budget falls with the cube of what is left of the way`() throws {
    let schedule = try AdaLoRAOptions(
      AdaLoRA.method.values(
        JSONObject([("tinit", .integer(10)), ("tfinal", .number(0.2)), ("delta_t", .number(0.05))]))
    ).schedule(of: 100)
    #expect(schedule == AdaLoRA.Schedule(start: 10, end: 80, interval: 5))
    let budgets = [1, 10, 45, 80, 100].map { schedule.budget(step: $0, from: 120, to: 80) }
    #expect(budgets == [120, 120, 85, 80, 80])
    // A run that is too short for what was asked has its ranks at once.
    let options = try AdaLoRAOptions(
      AdaLoRA.method.values(JSONObject([("tinit", .integer(100)), ("tfinal", .integer(100))])))
    #expect(options.schedule(of: 3) == AdaLoRA.Schedule(start: 0, end: 1, interval: 1))
  }

  @Test func `what cannot be is told`() throws {
    try expectFaults(
      AdaLoRA.method,
      [
        "target_rank: is 20, more than init_rank, 18",
        "tinit: leaves with tfinal no steps to allot ranks in; together they are below 1",
        "init_rank: 18 is more than model.layers.0.self_attn.k_proj has rows or columns, 16 x 48",
        "init_rank: 18 is more than model.layers.1.self_attn.k_proj has rows or columns, 16 x 48",
      ],
      [
        ("init_rank", .integer(18)), ("target_rank", .integer(20)), ("tinit", .number(0.5)),
        ("tfinal", .number(0.5)), ("target_modules", .array([.string("k_proj")])),
      ])
    try expectRefused(
      PeerFixture("peft-matrices/adalora-some"), "use_rslora", .bool(true),
      "use_rslora: is true, which Hone does not have")
    try expectRefused(
      PeerFixture("peft-matrices/adalora-some"), "rank_pattern",
      .object(JSONObject([("model.layers.7.mlp.down_proj.lora_E", .array([]))])),
      "rank_pattern: nothing chosen is called model.layers.7.mlp.down_proj.lora_E",
      Self.missing("model.layers.0.self_attn.q_proj"), Self.missing("model.layers.0.mlp.down_proj"),
      Self.missing("model.layers.1.self_attn.q_proj"), Self.missing("model.layers.1.mlp.down_proj"))
  }

  private static func missing(_ path: String) -> String {
    "rank_pattern: has no list of 6 times true or false for \(path).lora_E"
  }
}
