import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneAdapters

@Suite struct LoKrTests {
  private static let fixtures = ["lokr-defaults", "lokr-both", "lokr-factor"]
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
    try PeerFixture("written-matrices/lokr").expectWritten(
      LoKr.method, JSONObject(), base: "tiny-llama-untied")
    try PeerFixture("written-matrices/lokr-1").expectWritten(
      LoKr.method, LoKr.method.examples[0], base: "tiny-llama-tied")
  }

  @Test(arguments: [
    (576, -1, 24, 24), (1536, -1, 32, 48), (192, 8, 8, 24), (128, 4, 4, 32), (127, -1, 1, 127),
    (2, 8, 1, 2), (72, 7, 6, 12), (48, 96, 6, 8),
  ])
  func `sizes are split as peft splits them`(
    size: Int, factor: Int, first: Int, second: Int
  ) {
    #expect(LoKr.factors(of: size, near: factor) == (first, second))
  }

  @Test func `what cannot be is told`() throws {
    let engine = Engine(threads: 1, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
    let error = #expect(throws: AdapterError.self) {
      let values = try LoKr.method.values(JSONObject([("decompose_factor", .integer(0))]))
      return try LoKr.method.make(values, model, engine, 1)
    }
    #expect(
      error?.description
        == "lokr: decompose_factor: is 0; set how many rows and columns the smaller matrix has, or -1"
    )
    try expectRefused(
      PeerFixture("peft-matrices/lokr-factor"), "decompose_factor", .integer(0),
      "decompose_factor: is 0, which splits nothing")
    try expectRefused(
      PeerFixture("peft-matrices/lokr-factor"), "module_dropout", .number(0.5),
      "module_dropout: is 0.5, which Hone does not have")
  }
}
