import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneAdapters

@Suite struct OFTTests {
  private static let fixtures = ["oft-defaults", "oft-exact", "oft-shared"]
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
    try PeerFixture("written-matrices/oft").expectWritten(
      OFT.method, JSONObject(), base: "tiny-llama-untied")
    try PeerFixture("written-matrices/oft-1").expectWritten(
      OFT.method, OFT.method.examples[0], base: "tiny-llama-tied")
    try PeerFixture("written-matrices/oft-2").expectWritten(
      OFT.method, OFT.method.examples[1], base: "tiny-llama-tied")
  }

  @Test func `blocks fit the inputs, as peft makes them fit`() {
    func size(_ inputs: Int, count: Int = 0, size: Int = 0) -> Int {
      OFT.Options(
        blockCount: count, blockSize: size, sharesBlock: false, usesSeries: true, terms: 5
      ).size(for: inputs)
    }
    #expect(size(576, size: 32) == 32 && size(48, size: 32) == 24 && size(72, size: 32) == 36)
    #expect(size(16, size: 32) == 16 && size(48, count: 6) == 8 && size(48, count: 7) == 8)
    #expect(size(48, count: 50) == 1)
  }

  @Test func `what cannot be is told`() throws {
    try expectFaults(
      OFT.method, ["blocks: is set beside block_size, and the one follows from the other"],
      [("blocks", .integer(4)), ("block_size", .integer(8))])
    try expectFaults(
      OFT.method,
      (0..<2).map {
        "blocks: gives model.layers.\($0).self_attn.q_proj blocks of one input of 48, which nothing "
          + "rotates"
      }, [("blocks", .integer(48)), ("target_modules", .array([.string("q_proj")]))])
    try expectRefused(
      PeerFixture("peft-matrices/oft-exact"), "coft", .bool(true),
      "coft: is true, which Hone does not have")
    try expectRefused(
      PeerFixture("peft-matrices/oft-shared"), "oft_block_size", .integer(8),
      "r: is 6 and oft_block_size 8; one of them, and no more, must be 0")
  }
}
