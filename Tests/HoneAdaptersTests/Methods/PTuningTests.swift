import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct PTuningTests {
  private static let fixtures = [
    PromptFixture(
      "p-mlp", [("num_virtual_tokens", .integer(6)), ("initialisation", .string("random"))]),
    PromptFixture(
      "p-mlp-narrow",
      [
        ("num_virtual_tokens", .integer(5)), ("encoder_hidden_size", .integer(10)),
        ("initialisation", .string("random")),
      ]),
    PromptFixture(
      "p-lstm",
      [
        ("num_virtual_tokens", .integer(6)), ("encoder_hidden_size", .integer(12)),
        ("encoder", .string("lstm")), ("initialisation", .string("random")),
      ]),
    PromptFixture(
      "p-lstm-deep",
      [
        ("num_virtual_tokens", .integer(9)), ("encoder_num_layers", .integer(3)),
        ("encoder_hidden_size", .integer(7)), ("encoder", .string("lstm")),
        ("initialisation", .string("random")),
      ]),
  ]

  @Test(arguments: fixtures)
  func `peft's folder gives peft's logits, and is written as peft writes it`(
    fixture: PromptFixture
  ) throws {
    try fixture.check()
  }

  @Test(arguments: fixtures)
  func `peft's encoder gives peft's rows, logits and gradients`(fixture: PromptFixture) throws {
    try fixture.checkEncoder(PTuning.method)
  }

  @Test(arguments: ["mlp", "lstm"])
  func `peft reads what Hone writes`(encoder: String) throws {
    try PromptFixture(
      "p_tuning-\(encoder)",
      [
        ("num_virtual_tokens", .integer(7)), ("encoder", .string(encoder)),
        ("encoder_hidden_size", .integer(16)),
      ]
    ).checkWritten(PTuning.method, base: "tiny-llama-untied")
  }

  @Test(arguments: ["mlp", "lstm"])
  func `rows begin as the text's embeddings`(encoder: String) throws {
    let text: [(String, JSONValue)] = [
      ("num_virtual_tokens", .integer(8)), ("text", .string("The answer is known.")),
    ]
    let found = try PromptFixture.start(
      PTuning.method, text + [("encoder", .string(encoder))], base: "tiny-llama-tied")
    #expect(
      found == (try PromptFixture.start(PromptTuning.method, text, base: "tiny-llama-tied")))
  }

  @Test func `what is read from a folder goes on training its rows`() throws {
    let fixture = Self.fixtures[0]
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel(fixture.base()), engine: engine)
    let adapter = try AdapterFolder.load(fixture.folder, for: model, engine: engine)
    #expect(adapter.parameters.map(\.name) == ["prompt_embeddings"])
    #expect(adapter.methodName == "p_tuning")
  }
}
