import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct SelectiveTests {
  private let engine = Engine(threads: 2, compute: .f32)
  private static let fixtures = ["norms", "norms-some"].map { PeerFixture("peft-vectors/\($0)") }

  @Test(arguments: fixtures)
  func `norms that peft tuned give its logits and every gradient`(fixture: PeerFixture) throws {
    try fixture.expectSameNumbers()
  }

  @Test(arguments: fixtures)
  func `peft's folder is written as peft writes it`(fixture: PeerFixture) throws {
    try fixture.expectSameFolder(weights: "adapter_model.safetensors")
  }

  @Test func `norms that Hone writes are what peft was seen to read`() throws {
    try PeerFixture("written-vectors/norms").expectWritten(
      Selective.method, Selective.method.examples[0], base: "tiny-llama-untied")
  }

  @Test func `nothing below the first trained block is recorded`() throws {
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    func records(_ method: AdapterMethod, _ settings: [(String, JSONValue)]) throws -> Int {
      let adapter = try method.make(method.values(JSONObject(settings)), model, engine, 1)
      let tape = Tape()
      _ = model.decoder.hiddenStates(
        TokenBatch([[5, 9, 100]]), adapter: adapter, in: Pass(engine, tape: tape))
      return tape.count
    }
    let last = try records(Selective.method, [("last_layers", .integer(1))])
    let both = try records(Selective.method, [("last_layers", .integer(2))])
    let head = try records(
      Selective.method,
      [("last_layers", .integer(0)), ("target_modules", .array([.string("model.norm")]))])
    #expect(head == 1)
    #expect(last > 10 && last < 20 && both == 2 * last - 1)
    // The embedding's rows come to a whole fine-tuning.
    #expect(try records(Selective.fullMethod, []) == both + 1)
  }

  @Test func `a full fine-tuning trains every number once`() throws {
    for name in ["tiny-llama-tied", "tiny-llama-untied"] {
      let model = try LanguageModel(folder: tinyModel(name), engine: engine)
      let adapter = try Selective.fullMethod.make(
        Selective.fullMethod.values(), model, engine, 1)
      let spec = model.spec
      let matrices = spec.sites.filter { $0.kind != .head || !spec.tiesHead }.reduce(0) {
        $0 + spec.size(of: $1).outputs * spec.size(of: $1).inputs
      }
      #expect(
        adapter.parameterCount == matrices + spec.vectorNames.count * spec.hiddenSize)
    }
  }

  @Test func `what is asked for in vain is told`() throws {
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    func faults(_ settings: [(String, JSONValue)]) throws -> [String] {
      let error = #expect(throws: AdapterError.self) {
        try Selective.method.make(
          Selective.method.values(JSONObject(settings)), model, engine, 1)
      }
      return error?.faults ?? []
    }
    #expect(
      try faults([("last_layers", .integer(3))]) == ["last_layers: is 3, and there are 2 blocks"])
    #expect(
      try faults([("target_modules", .array([.string("o_porj")]))]) == [
        "target_modules: nothing is called o_porj; did you mean o_proj?"
      ])
    #expect(try faults([("last_layers", .integer(0))]) == ["nothing is chosen"])
  }
}
