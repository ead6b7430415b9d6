import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct BottleneckTests {
  private static let fixtures = [
    "sequential", "double", "parallel", "learned", "channel", "both", "attention",
  ].map { PeerFixture("adapterhub/\($0)") }

  @Test(arguments: fixtures)
  func `an adapter of AdapterHub's gives its logits and every gradient`(
    fixture: PeerFixture
  ) throws {
    try fixture.expectSameNumbers()
  }

  @Test(arguments: fixtures)
  func `AdapterHub's folder is written to the byte`(fixture: PeerFixture) throws {
    try fixture.expectSameFolder(weights: "adapter.safetensors")
  }

  @Test(arguments: Array(zip(["sequential", "double", "parallel"], 0...)))
  func `what Hone writes is what AdapterHub was seen to read`(name: String, index: Int) throws {
    let settings = index == 0 ? JSONObject() : Bottleneck.method.examples[index - 1]
    try PeerFixture("written-bottleneck/\(name)").expectWritten(
      Bottleneck.method, settings,
      base: index == 1 ? "tiny-llama-untied" : "tiny-llama-tied")
  }

  @Test func `what AdapterHub has and Hone has not is refused, all at once`() throws {
    let engine = Engine(threads: 1, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    let adapter = try Bottleneck.method.make(Bottleneck.method.values(), model, engine, 1)
    var contents = try adapter.folder()
    var config = try #require(contents.config["config"]?.object)
    config["use_gating"] = .bool(true)
    config["phm_layer"] = .bool(true)
    config["colour"] = .string("blue")
    contents.config["config"] = .object(config)
    contents.config["hidden_size"] = .integer(32)
    let reader = AdapterReader(contents, subject: "folder")
    let error = #expect(throws: AdapterError.self) {
      try Bottleneck.method.load(reader, model, engine)
    }
    #expect(
      error?.faults == [
        "hidden_size: is 32, and the model's is 64",
        "use_gating: is true, which Hone does not have",
        "phm_layer: is true, which Hone does not have",
        "colour: is no key that Hone knows for this method",
      ])
    #expect(adapter.obstacleToMerging?.contains("non-linearity") == true)
  }
}
