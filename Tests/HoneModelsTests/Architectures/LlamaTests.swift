import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct LlamaTests {
  /// Logits of tiny random models, against a float64 forward of the same weights.
  @Test(arguments: [
    "tiny-llama-tied", "tiny-llama-untied", "tiny-llama-rope-scaled", "tiny-llama-bf16",
    "tiny-llama-sharded", "tiny-llama-even",
  ])
  func `folders give the reference's logits`(name: String) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: fixture(name), engine: engine)
    try compare(model, with: "\(name)/expected.safetensors", engine: engine)
  }

  @Test(arguments: [
    ("tiny-llama-gguf/tied-f32.gguf", "tiny-llama-tied/expected.safetensors"),
    ("tiny-llama-gguf/rope-scaled-f32.gguf", "tiny-llama-rope-scaled/expected.safetensors"),
  ])
  func `GGUF files of the same weights give the same logits`(name: String, expected: String) throws
  {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(gguf: fixture(name), engine: engine)
    try compare(model, with: expected, engine: engine)
  }

  @Test(arguments: ["tied-q8_0", "tied-q4_1", "wide-q4_k"])
  func `a quantised GGUF gives the logits of its dequantised weights`(name: String) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(
      gguf: fixture("tiny-llama-gguf/\(name).gguf"), engine: engine)
    let format = name.split(separator: "-")[1]
    try compare(
      model, with: "tiny-llama-gguf/expected-\(format).safetensors", engine: engine)
  }

  @Test func `a prefix read from the cache gives the logits of the whole text`() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: fixture("tiny-llama-tied"), engine: engine)
    let ids = (0..<20).map { Int32($0 * 7 % 200) }
    let pass = Pass(engine)
    let whole = model.decoder.logits(
      model.decoder.hiddenStates(TokenBatch([ids]), adapter: NoAdapter(), in: pass),
      adapter: NoAdapter(), in: pass)
    let cache = KeyValueCache(
      for: model.spec, sequences: 2, sequenceCapacity: 20, prefixCapacity: 12, compute: .f32)
    _ = model.decoder.hiddenStates(
      TokenBatch([Array(ids[..<12])]), adapter: NoAdapter(), cache: cache, in: pass)
    cache.sharePrefix()
    var rows: [Float] = []
    for position in 12..<20 {
      let batch = TokenBatch(
        ids: [ids[position], ids[position]],
        sequences: [
          .init(rows: 0..<1, position: position - 12, slot: 0),
          .init(rows: 1..<2, position: position - 12, slot: 1),
        ])
      let hidden = model.decoder.hiddenStates(
        batch, adapter: NoAdapter(), cache: cache, in: pass)
      let logits = model.decoder.logits(hidden, adapter: NoAdapter(), in: pass).values
      let width = model.spec.vocabularySize
      #expect(Array(logits[..<width]) == Array(logits[width...]))
      rows += logits[..<width]
    }
    let expected = Array(whole.values.suffix(rows.count))
    #expect(zip(rows, expected).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func `results are the same bits for one, two and three threads`() throws {
    var results: [[Float]] = []
    for threads in 1...3 {
      let engine = Engine(threads: threads)
      let model = try LanguageModel(folder: fixture("tiny-llama-untied"), engine: engine)
      let pass = Pass(engine)
      let ids = (0..<40).map { Int32($0 * 11 % 250) }
      results.append(
        model.decoder.logits(
          model.decoder.hiddenStates(
            TokenBatch([ids, Array(ids.reversed())]), adapter: NoAdapter(), in: pass),
          adapter: NoAdapter(), in: pass
        ).values)
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  private func compare(_ model: LanguageModel, with file: String, engine: Engine) throws {
    let expected = try SafetensorsFile(path: fixture(file))
    let ids = expected.numbers("input_ids", as: Int64.self).map(Int32.init)
    let logits = expected.numbers("logits_f64", as: Float.self)
    let length = 24
    let pass = Pass(engine)
    let hidden = model.decoder.hiddenStates(
      TokenBatch([Array(ids[..<length]), Array(ids[length...])]), adapter: NoAdapter(), in: pass)
    let found = model.decoder.logits(hidden, adapter: NoAdapter(), in: pass).values
    #expect(found.count == logits.count)
    let worst = zip(found, logits).map { abs($0 - $1) }.max() ?? .infinity
    #expect(worst < 1e-5)
  }
}
