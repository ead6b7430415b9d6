import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct PromptTuningTests {
  @Test(arguments: ["prompt-text", "prompt-short-text", "prompt-random", "prompt-vocabulary"])
  func `peft's folder gives peft's logits and gradient, and is written as peft writes it`(
    name: String
  ) throws {
    try PromptFixture(name).check()
  }

  @Test func `peft reads what Hone writes`() throws {
    try PromptFixture("prompt_tuning", [("num_virtual_tokens", .integer(11))])
      .checkWritten(PromptTuning.method, base: "tiny-llama-tied")
  }

  @Test(arguments: [("prompt-text", 40), ("prompt-short-text", 3)])
  func `a text's embeddings are those that peft starts from`(name: String, count: Int) throws {
    let found = try PromptFixture.start(
      PromptTuning.method,
      [("num_virtual_tokens", .integer(count)), ("text", .string("The answer is known."))],
      base: "tiny-llama-tied")
    #expect(found == (try PromptFixture(name).expected().file.floats("start")))
  }

  @Test func `other starts are drawn by the seed, as wide as embeddings are`() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
    let width = model.spec.hiddenSize
    let table = model.decoder.embedding.values
    for start in ["vocabulary", "random"] {
      let settings: [(String, JSONValue)] = [("initialisation", .string(start))]
      let found = try [1, 1, 2].map {
        try PromptFixture.start(
          PromptTuning.method, settings, base: "tiny-llama-untied", seed: $0)
      }
      #expect(found[0] == found[1] && found[0] != found[2])
      func deviation(_ values: [Float]) -> Float {
        (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
      }
      #expect(abs(deviation(found[0]) / deviation(table) - 1) < 0.2)
      guard start == "vocabulary" else { continue }
      for row in stride(from: 0, to: found[0].count, by: width) {
        let rows = stride(from: 0, to: table.count, by: width)
        #expect(rows.contains { table[$0..<$0 + width] == found[0][row..<row + width] })
      }
    }
  }

  @Test func `a text without tokens is told`() throws {
    let error = #expect(throws: AdapterError.self) {
      try PromptFixture.start(
        PromptTuning.method, [("text", .string(""))], base: "tiny-llama-untied")
    }
    #expect(
      error?.description
        == "prompt_tuning: text: has no tokens; give a text, or start with initialisation: random")
  }

  @Test func `a prompt of another model is refused with all that is wrong`() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    var contents = try AdapterFolder.contents(of: PromptFixture("prompt-random").folder)
    contents.config["num_layers"] = .integer(30)
    contents.config["token_dim"] = .integer(576)
    contents.config["num_virtual_tokens"] = .integer(4)
    contents.config["prompt_length"] = .integer(4)
    let error = #expect(throws: AdapterError.self) {
      try PromptTuning.method.load(AdapterReader(contents, subject: "x"), model, engine)
    }
    let layers = model.spec.layerCount
    let width = model.spec.hiddenSize
    #expect(error?.faults.contains("num_layers: is 30, and the model's is \(layers)") == true)
    #expect(error?.faults.contains("token_dim: is 576, and the model's is \(width)") == true)
    #expect(error?.faults.contains { $0.hasPrefix("prompt_embeddings: has shape") } == true)
    #expect(error?.faults.contains { $0.hasPrefix("prompt_length: is no key") } == true)
  }
}
