import HoneAdapters
import HoneFormats
import HoneModels
import Testing

@testable import HoneTensors

@Suite struct PiSSATests {
  private static let fixtures = ["pissa-defaults", "pissa-some"]
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
    try PeerFixture("written-matrices/pissa").expectWritten(
      PiSSA.method, JSONObject(), base: "tiny-llama-untied")
    try PeerFixture("written-matrices/pissa-1").expectWritten(
      PiSSA.method, PiSSA.method.examples[0], base: "tiny-llama-untied")
  }

  @Test func `its matrices start as the best that their rank can say of the base`() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
    let weight = model.decoder.projection(at: Site(.up, layer: 1)).weight
    let whole = PrincipalComponents(of: weight, count: min(weight.rows, weight.columns), in: engine)
    let some = PrincipalComponents(of: weight, count: 5, in: engine)
    #expect(zip(some.values, whole.values).allSatisfy { abs($0 - $1) < 1e-5 * whole.values[0] })
    // What five of them leave is what the others are (Eckart & Young).
    var rest = weight.values.map(Double.init)
    for (value, (left, right)) in zip(some.values, zip(some.left, some.right)) {
      for row in 0..<weight.rows {
        for column in 0..<weight.columns {
          rest[row * weight.columns + column] -= value * left[row] * right[column]
        }
      }
    }
    let left = rest.reduce(0) { $0 + $1 * $1 }
    let others = whole.values.dropFirst(5).reduce(0) { $0 + $1 * $1 }
    #expect(abs(left - others) < 1e-4 * others)
  }

  @Test func `a start that peft approximates at random is refused, and so is dropout`() throws {
    let fixture = PeerFixture("peft-matrices/pissa-some")
    try expectRefused(
      fixture, "init_lora_weights", .string("pissa_niter_4"),
      "init_lora_weights: is \"pissa_niter_4\", which Hone does not have")
    try expectRefused(
      fixture, "lora_dropout", .number(0.1), "lora_dropout: is 0.1, which Hone does not have")
    try expectFaults(
      PiSSA.method, ["target_modules: model.embed_tokens has no PiSSA"],
      [("target_modules", .array([.string("embed_tokens"), .string("q_proj")]))])
    try expectFaults(
      PiSSA.method, ["target_modules: lm_head has no PiSSA"],
      [("target_modules", .array([.string("lm_head"), .string("q_proj")]))])
  }
}
