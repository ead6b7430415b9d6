import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct VeRATests {
  private static let fixtures = ["vera-defaults", "vera-key"]
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
    try PeerFixture("written-matrices/vera").expectWritten(
      VeRA.method, JSONObject(), base: "tiny-llama-untied")
    try PeerFixture("written-matrices/vera-1").expectWritten(
      VeRA.method, VeRA.method.examples[0], base: "tiny-llama-tied")
  }

  @Test func `the random matrices are torch's for the same key`() throws {
    // The folder has them; another Hone makes holds them anew.
    let engine = Engine(threads: 1, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
    let values = try VeRA.method.values(JSONObject([("rank", .integer(12))]))
    let made = try VeRA.method.make(values, model, engine, 1).folder()
    let theirs = try AdapterFolder.contents(of: PeerFixture("peft-matrices/vera-defaults").folder)
    for name in ["base_model.vera_A", "base_model.vera_B"] {
      let found = try [made, theirs].map { contents in
        try #require(contents.entries.first { $0.name == name })
      }
      #expect(found[0].shape == found[1].shape)
      #expect(found[0].values == found[1].values, "\(name)")
    }
  }

  @Test func `bad settings are told`() throws {
    let error = #expect(throws: SettingsError.self) {
      try VeRA.method.values(
        JSONObject([("d_initial", .integer(0)), ("projection_prng_key", .integer(1))]))
    }
    #expect(error?.faults.count == 2)
    try expectRefused(
      PeerFixture("peft-matrices/vera-key"), "bias", .string("all"),
      "bias: is \"all\", which Hone does not have")
  }
}
