import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct PrefixTuningTests {
  private static let projection = PromptFixture(
    "prefix-projection",
    [
      ("num_virtual_tokens", .integer(6)), ("prefix_projection", .bool(true)),
      ("encoder_hidden_size", .integer(20)),
    ])

  @Test(arguments: ["prefix-plain", "prefix-zero", "prefix-text"])
  func `peft's folder gives peft's logits and gradient, and is written as peft writes it`(
    name: String
  ) throws {
    try PromptFixture(name).check()
  }

  @Test func `peft's projection gives peft's rows, logits and gradients`() throws {
    try Self.projection.check()
    try Self.projection.checkEncoder(PrefixTuning.method)
  }

  @Test(arguments: [false, true])
  func `peft reads what Hone writes`(isProjected: Bool) throws {
    try PromptFixture(
      isProjected ? "prefix_tuning-projection" : "prefix_tuning",
      [("num_virtual_tokens", .integer(9)), ("prefix_projection", .bool(isProjected))]
    ).checkWritten(PrefixTuning.method, base: "tiny-llama-tied")
  }

  @Test func `a text's keys and values are those of a cache`() throws {
    let found = try PromptFixture.start(
      PrefixTuning.method,
      [("num_virtual_tokens", .integer(8)), ("text", .string("The answer is known."))],
      base: "tiny-llama-tied")
    let expected = try PromptFixture("prefix-text").expected().file.floats("start")
    #expect(largestDifference(found, expected) < 1e-5)
  }

  @Test func `an untrained prefix is its text put ahead`() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
    let text = "What is known: "
    let ahead = model.tokenizer.encode(text)
    let method = PrefixTuning.method
    let values = try method.values(
      JSONObject([("num_virtual_tokens", .integer(ahead.count)), ("text", .string(text))]))
    let adapter = try method.make(values, model, engine, 1)
    let rows: [Int32] = [9, 44, 101, 7, 250]
    let found = model.logits([rows], adapter: adapter, engine: engine)
    let expected = model.logits([ahead + rows], adapter: NoAdapter(), engine: engine)
    #expect(largestDifference(found, Array(expected.suffix(found.count))) < 1e-5)
  }

  @Test func `a projection is not started from a text`() throws {
    let error = #expect(throws: AdapterError.self) {
      try PromptFixture.start(
        PrefixTuning.method,
        [("prefix_projection", .bool(true)), ("initialisation", .string("text"))],
        base: "tiny-llama-untied")
    }
    #expect(
      error?.faults == ["initialisation: is text, which a projection cannot start from"])
  }
}
