import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct LoHaTests {
  private static let fixtures = ["loha-defaults", "loha-some", "loha-saved"]
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
    try PeerFixture("written-matrices/loha").expectWritten(
      LoHa.method, JSONObject(), base: "tiny-llama-untied")
    try PeerFixture("written-matrices/loha-1").expectWritten(
      LoHa.method, LoHa.method.examples[0], base: "tiny-llama-tied")
  }

  @Test func `what is asked for in vain is told`() throws {
    try expectFaults(
      LoHa.method,
      [
        "rank: 40 is more than model.layers.0.self_attn.k_proj has rows or columns, 16 x 48",
        "rank: 40 is more than model.layers.1.self_attn.k_proj has rows or columns, 16 x 48",
      ], [("rank", .integer(40)), ("target_modules", .array([.string("k_proj")]))])
    let pattern = JSONValue.object(JSONObject([("q_porj", .integer(2))]))
    try expectFaults(
      LoHa.method,
      [
        "rank_pattern: nothing chosen is called q_porj",
        "alpha_pattern: nothing chosen is called q_porj",
      ], [("rank_pattern", pattern), ("alpha_pattern", pattern)])
    try expectFaults(
      LoHa.method, ["target_modules: model.embed_tokens is no projection"],
      [("target_modules", .array([.string("embed_tokens"), .string("q_proj")]))])
  }

  @Test func `dropout of rows, which Hone does not have, is refused`() throws {
    try expectRefused(
      PeerFixture("peft-matrices/loha-some"), "rank_dropout", .number(0.1),
      "rank_dropout: is 0.1, which Hone does not have")
  }
}
