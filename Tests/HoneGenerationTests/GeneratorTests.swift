import Foundation
import HoneFormats
import HoneGeneration
import HoneModels
import HoneTensors
import Testing

@Suite struct GeneratorTests {
  private let engine = Engine(threads: 2, compute: .f32)
  private let model: LanguageModel
  private let generator: Generator
  private var context: Int { model.spec.contextLength }

  init() throws {
    model = try TinyModels.load("tied", engine: engine)
    generator = Generator(model, engine: engine)
  }

  /// The likeliest continuation, every token from a pass over the whole text so far.
  private func uncached(
    _ prompt: [Int32], count: Int, model: LanguageModel, engine: Engine
  ) -> [Int32] {
    var ids = prompt
    while ids.count < prompt.count + count {
      let pass = Pass(engine)
      let hidden = model.decoder.hiddenStates(
        TokenBatch([ids]), adapter: NoAdapter(), in: pass)
      let logits = model.decoder.logits(
        hidden.rows(ids.count - 1..<ids.count), adapter: NoAdapter(), in: pass
      ).values
      var best = 0
      for index in logits.indices where logits[index] > logits[best] { best = index }
      if model.tokenizer.endOfGeneration.contains(Int32(best)) { break }
      ids.append(Int32(best))
    }
    return Array(ids.dropFirst(prompt.count))
  }

  // MARK: The cache

  @Test(arguments: [
    "tied", "untied", "rope-scaled", "bf16", "gguf/tied-q8_0.gguf", "gguf/tied-q4_1.gguf",
  ])
  func `decoding with the cache gives what passes over the whole text give`(name: String) throws {
    let model = try TinyModels.load(name, engine: engine)
    let generator = Generator(model, engine: engine)
    for prompt in [TinyModels.ids(1), TinyModels.ids(9, from: 4), TinyModels.ids(70)] {
      let found = try generator.generate([prompt], stop: StopRules(maximumTokens: 12))
      #expect(found[0].tokens == uncached(prompt, count: 12, model: model, engine: engine))
    }
  }

  @Test(
    arguments: ["tied", "bf16", "gguf/tied-q8_0.gguf", "gguf/tied-q4_1.gguf"],
    [Compute.f32, .bf16, .auto])
  func `a row's logits are the same bits whatever is decoded beside it`(
    name: String, compute: Compute
  ) throws {
    let engine = Engine(threads: 2, compute: compute)
    let model = try TinyModels.load(name, engine: engine)
    let prompts = (0..<8).map { TinyModels.ids(5 + 3 * $0, from: $0) }
    func logits(of slots: [Int]) -> [[Float]] {
      let cache = KeyValueCache(
        for: model.spec, sequences: 8, sequenceCapacity: 64, compute: compute)
      for slot in slots {
        let batch = TokenBatch(
          ids: prompts[slot], sequences: [.init(rows: 0..<prompts[slot].count, slot: slot)])
        _ = model.decoder.hiddenStates(
          batch, adapter: NoAdapter(), cache: cache, in: Pass(engine))
      }
      var rows: [[Float]] = []
      for step in 0..<3 {
        let batch = TokenBatch(
          ids: slots.map { Int32(40 + 5 * $0 + step) },
          sequences: slots.enumerated().map { row, slot in
            .init(rows: row..<row + 1, position: cache.counts[slot], slot: slot)
          })
        let pass = Pass(engine, of: .nextTokens)
        let hidden = model.decoder.hiddenStates(
          batch, adapter: NoAdapter(), cache: cache, in: pass)
        let values = model.decoder.logits(hidden, adapter: NoAdapter(), in: pass).values
        let width = model.spec.vocabularySize
        rows = slots.indices.map { Array(values[$0 * width..<($0 + 1) * width]) }
      }
      return rows
    }
    let together = logits(of: Array(0..<8))
    for slot in 0..<8 { #expect(together[slot] == logits(of: [slot])[0], "\(slot)") }
    #expect(Array(together[2...4]) == logits(of: [2, 3, 4]))
  }

  @Test func `prompts decoded together, more than there are slots, give what each gives alone`()
    throws
  {
    let prompts = (0..<2 * Generator.batchSize + 3).map {
      TinyModels.ids(1 + 7 * $0 % 19, from: 11 * $0)
    }
    let rules = StopRules(maximumTokens: 10, tokens: [70, 90, 110])
    let together = try generator.generate(prompts, stop: rules)
    for (prompt, found) in zip(prompts, together) {
      let alone = try generator.generate([prompt], stop: rules)[0]
      #expect(found.tokens == alone.tokens)
      #expect(found.text == alone.text)
      #expect(found.reason == alone.reason)
    }
    #expect(Set(together.map(\.tokens)).count > 3)
  }

  // MARK: Shared prefixes

  @Test func `continuing a shared prefix is continuing the whole`() throws {
    let prefix = TinyModels.ids(33)
    let prompts = (0..<10).map { TinyModels.ids($0, from: 5 * $0) }
    let rules = StopRules(maximumTokens: 8)
    // One of them adds nothing to the prefix.
    #expect(prompts[0].isEmpty)
    for prompts in [prompts, Array(prompts.dropFirst())] {
      let shared = try generator.generate(prompts, after: prefix, stop: rules)
      let whole = try generator.generate(prompts.map { prefix + $0 }, stop: rules)
      #expect(shared.map(\.tokens) == whole.map(\.tokens))
    }
    #expect(try generator.generate([], after: prefix, stop: rules).isEmpty)
    #expect(try generator.generate([[]], after: [7], stop: rules).count == 1)
  }

  @Test func `scoring after a shared prefix is scoring the whole`() throws {
    let prefix = TinyModels.ids(21)
    let continuations = [0, 1, 2, 17, 1, 40].enumerated().map {
      TinyModels.ids($1, from: 9 * $0)
    }
    let shared = try generator.score(continuations, after: prefix)
    #expect(shared.map(\.count) == continuations.map(\.count))
    for (scores, continuation) in zip(shared, continuations) {
      let whole = try generator.score(prefix + continuation).suffix(continuation.count)
      #expect(zip(scores, whole).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    #expect(throws: GenerationError.self) { try generator.score(continuations, after: []) }
  }

  @Test func `a score is the logarithm of a distribution`() throws {
    // Over all tokens that may follow, the probabilities add up to one.
    let scores = try generator.score(
      (0..<Int32(model.spec.vocabularySize)).map { [$0] }, after: TinyModels.ids(5))
    #expect(abs(scores.reduce(0) { $0 + exp(Double($1[0])) } - 1) < 1e-5)
    #expect(try generator.score([]) == [])
    #expect(try generator.score([5]) == [])
  }

  // MARK: The context's end

  @Test func `generation ends where the context does`() throws {
    let prompt = TinyModels.ids(context - 6)
    for maximum in [100, Int.max] {
      let found = try generator.generate([prompt], stop: StopRules(maximumTokens: maximum))[0]
      #expect(found.reason == .length)
      // The last one needs no place, as nothing follows it.
      #expect(found.tokens.count == 7)
      #expect(found.tokens == uncached(prompt, count: 7, model: model, engine: engine))
    }
    let full = try generator.generate(
      [TinyModels.ids(10), TinyModels.ids(context)], stop: StopRules(maximumTokens: 3))
    #expect(full.map(\.tokens.count) == [3, 1])
    let shared = try generator.generate(
      [[9]], after: TinyModels.ids(context - 3), stop: StopRules(maximumTokens: 50))
    #expect(shared[0].tokens.count == 3)
  }

  @Test func `what does not fit the context is an error that says so`() throws {
    let long = TinyModels.ids(context + 1)
    let rules = StopRules(maximumTokens: 1)
    func error(_ what: String) -> GenerationError {
      GenerationError(
        problem: "the \(what) has 257 tokens, and the model's context holds 256",
        advice: "shorten it")
    }
    #expect(throws: error("prompt")) { try generator.generate([long], stop: rules) }
    #expect(throws: error("prompt 2")) { try generator.generate([[5], long], stop: rules) }
    #expect(throws: error("prompt")) {
      try generator.generate([[5]], after: Array(long.dropLast()), stop: rules)
    }
    #expect(throws: error("text")) { try generator.score(long) }
    #expect(throws: error("text")) {
      try generator.score([[5]], after: Array(long.dropLast()))
    }
    #expect(try generator.score(Array(long.dropLast())).count == context - 1)
  }

  @Test func `a conversation that outgrows the context is an error and stays as it was`() throws {
    let session = ChatSession(model, engine: engine)
    let rules = StopRules(maximumTokens: 4)
    _ = try session.say("hi", sampling: .greedy, stop: rules)
    let before = session.messages
    let error = try #require(throws: GenerationError.self) {
      try session.say(String(repeating: "x", count: 300), sampling: .greedy, stop: rules)
    }
    #expect(error.description.hasPrefix("the conversation has "))
    #expect(error.description.hasSuffix("tokens, and the model's context holds 256; start anew"))
    #expect(session.messages == before)
    let answer = try session.say("and?", sampling: .greedy, stop: StopRules(maximumTokens: .max))
    #expect(answer.reason == .length)
  }

  // MARK: What cannot be

  @Test func `what cannot be generated is an error that says why`() throws {
    let rules = StopRules(maximumTokens: 1)
    #expect(throws: GenerationError(problem: "the prompt is empty")) {
      try generator.generate([[]], stop: rules)
    }
    #expect(
      throws: GenerationError(
        problem: "the prompt holds token 272, and the model has 272",
        advice: "the tokenizer may belong to another model")
    ) { try generator.generate([[272]], stop: rules) }
    #expect(throws: GenerationError.self) { try generator.score([5, -1]) }
    #expect(throws: GenerationError(problem: "top-k is -2, expected 0 (all) or more")) {
      try generator.generate([[5]], sampling: SamplingOptions(topK: -2), stop: rules)
    }
    #expect(try generator.generate([], stop: rules).isEmpty)
    let none = try generator.generate([[5]], stop: StopRules(maximumTokens: 0))
    #expect(none[0].tokens.isEmpty && none[0].reason == .length)
  }

  @Test func `weights that are no numbers are an error, not a text`() throws {
    let folder = NSTemporaryDirectory() + "hone-damaged-\(UUID().uuidString)"
    try FileManager.default.copyItem(atPath: TinyModels.path("tied"), toPath: folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = URL(fileURLWithPath: "\(folder)/model.safetensors")
    var bytes = [UInt8](try Data(contentsOf: file))
    let header = 8 + bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    for index in header..<bytes.count { bytes[index] = 0xFF }
    try Data(bytes).write(to: file)
    let damaged = try LanguageModel(LocalModel(path: folder, layout: .folder), engine: engine)
    for temperature: Float in [0, 1] {
      let error = try #require(throws: GenerationError.self) {
        try Generator(damaged, engine: engine).generate(
          [[5]], sampling: SamplingOptions(temperature: temperature),
          stop: StopRules(maximumTokens: 4))
      }
      #expect(error.problem == "the model's logits are not finite numbers")
    }
  }

  // MARK: The stream

  @Test func `the pieces of each prompt are its text, and the listener can end all`() throws {
    let prompts = (0..<11).map { TinyModels.ids(4, from: 13 * $0) }
    var texts = Array(repeating: "", count: prompts.count)
    let found = try generator.generate(prompts, stop: StopRules(maximumTokens: 9)) {
      texts[$0.prompt] += $0.text
      return true
    }
    #expect(texts == found.map(\.text))
    for completion in found {
      #expect(completion.text == model.tokenizer.decode(completion.tokens))
    }
    var heard = 0
    let cut = try generator.generate(prompts, stop: StopRules(maximumTokens: 9)) { _ in
      heard += 1
      return heard < 5
    }
    #expect(heard == 5)
    #expect(cut.contains { $0.reason == .cancelled })
    for (part, whole) in zip(cut, found) {
      #expect(whole.tokens.starts(with: part.tokens))
    }
  }

  @Test func `the same seed gives the same text, however many prompts wait`() throws {
    let options = SamplingOptions(temperature: 1.5, topK: 50, seed: 11)
    let rules = StopRules(maximumTokens: 12)
    let prompts = Array(repeating: TinyModels.ids(6), count: 12)
    let first = try generator.generate(prompts, sampling: options, stop: rules)
    let again = try generator.generate(prompts, sampling: options, stop: rules)
    #expect(first.map(\.tokens) == again.map(\.tokens))
    // Alike prompts are drawn for apart.
    #expect(Set(first.map(\.tokens)).count > 6)
    let alone = try generator.generate([prompts[0]], sampling: options, stop: rules)
    #expect(alone[0].tokens == first[0].tokens)
    let few = try generator.generate(Array(prompts.prefix(3)), sampling: options, stop: rules)
    #expect(few.map(\.tokens) == first.prefix(3).map(\.tokens))
  }
}
