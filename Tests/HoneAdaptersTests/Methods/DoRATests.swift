import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct DoRATests {
  private static let fixtures = ["dora-defaults", "dora-some", "dora-head"]
    .map { PeerFixture("peft-matrices/\($0)") }

  @Test(arguments: fixtures)
  func `an adapter of peft's gives peft's logits and every gradient`(fixture: PeerFixture) throws {
    try fixture.expectSameNumbers()
  }

  @Test(arguments: fixtures)
  func `ten steps have peft's losses`(fixture: PeerFixture) throws {
    try fixture.expectSameLosses()
  }

  @Test(arguments: fixtures)
  func `peft's folder is written as peft writes it`(fixture: PeerFixture) throws {
    try fixture.expectSameFolder(weights: "adapter_model.safetensors")
  }

  @Test func `what Hone writes is what peft was seen to read`() throws {
    try PeerFixture("written-matrices/dora").expectWritten(
      DoRA.method, JSONObject(), base: "tiny-llama-untied")
    try PeerFixture("written-matrices/dora-1").expectWritten(
      DoRA.method, DoRA.method.examples[0], base: "tiny-llama-untied")
  }

  @Test func `the vectors start as the lengths of the base's rows`() throws {
    let engine = Engine(threads: 1, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
    let adapter = try DoRA.method.make(DoRA.method.values(), model, engine, 1)
    let path = "base_model.model.model.layers.1.mlp.up_proj.lora_magnitude_vector"
    let vector = try #require(adapter.parameters.first { $0.name == path })
    let weight = model.decoder.projection(at: Site(.up, layer: 1)).weight
    #expect(vector.tensor.shape == [weight.rows] && !vector.decays)
    let (values, columns) = (weight.values, weight.columns)
    for row in 0..<weight.rows {
      let square = values[row * columns..<(row + 1) * columns].reduce(0) { $0 + $1 * $1 }
      #expect(abs(vector.tensor.values[row] - square.squareRoot()) < 1e-5)
    }
  }

  @Test func `what is asked for in vain is told`() throws {
    try expectFaults(
      DoRA.method, ["target_modules: model.embed_tokens has no DoRA"],
      [("target_modules", .array([.string("embed_tokens"), .string("q_proj")]))])
    try expectFaults(
      DoRA.method,
      [
        "rank: 40 is more than model.layers.0.self_attn.k_proj has rows or columns, 16 x 48",
        "rank: 40 is more than model.layers.1.self_attn.k_proj has rows or columns, 16 x 48",
      ], [("rank", .integer(40)), ("target_modules", .array([.string("k_proj")]))])
    let error = #expect(throws: SettingsError.self) {
      try DoRA.method.values(JSONObject([("ensure_weight_tying", .bool(true))]))
    }
    #expect(error?.faults.count == 1)
    try expectRefused(
      PeerFixture("peft-matrices/dora-some"), "lora_bias", .bool(true),
      "lora_bias: is true, which Hone does not have")
  }
}
