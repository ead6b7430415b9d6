import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct IA3Tests {
  private static let fixtures = ["ia3-defaults", "ia3-regex", "ia3-all", "ia3-saved"]
    .map { PeerFixture("peft-vectors/\($0)") }

  @Test(arguments: fixtures)
  func `an adapter of peft's gives peft's logits and every gradient`(fixture: PeerFixture) throws {
    try fixture.expectSameNumbers()
  }

  @Test(arguments: fixtures)
  func `peft's folder is written as peft writes it`(fixture: PeerFixture) throws {
    try fixture.expectSameFolder(weights: "adapter_model.safetensors")
  }

  @Test func `what Hone writes is what peft was seen to read`() throws {
    try PeerFixture("written-vectors/ia3").expectWritten(
      IA3.method, JSONObject(), base: "tiny-llama-untied")
    try PeerFixture("written-vectors/ia3-all").expectWritten(
      IA3.method, IA3.method.examples[0], base: "tiny-llama-tied")
  }

  @Test func `the paper's targets and peft's have names`() throws {
    let engine = Engine(threads: 1, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    for name in ["paper", "peft"] {
      let values = try IA3.method.values(JSONObject([("target_modules", .string(name))]))
      let adapter = try IA3.method.make(values, model, engine, 1)
      #expect(
        adapter.parameters.prefix(3).map(\.name) == [
          "base_model.model.model.layers.0.self_attn.k_proj.ia3_l",
          "base_model.model.model.layers.0.self_attn.v_proj.ia3_l",
          "base_model.model.model.layers.0.mlp.down_proj.ia3_l",
        ])
      #expect(adapter.parameters[2].tensor.shape == [1, model.spec.intermediateSize])
    }
  }

  @Test func `what is asked for in vain is told`() throws {
    let engine = Engine(threads: 1, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    func faults(_ settings: [(String, JSONValue)]) throws -> [String] {
      let error = #expect(throws: AdapterError.self) {
        try IA3.method.make(IA3.method.values(JSONObject(settings)), model, engine, 1)
      }
      return error?.faults ?? []
    }
    #expect(
      try faults([("feedforward_modules", .array([.string("up_proj")]))]) == [
        "feedforward_modules: no target is called up_proj"
      ])
    #expect(
      try faults([("target_modules", .array([.string("embed_tokens")]))]).first?
        .hasPrefix("target_modules: model.embed_tokens is no projection") == true)
  }
}
