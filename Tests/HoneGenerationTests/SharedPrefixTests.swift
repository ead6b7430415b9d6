import HoneModels
import HoneTensors
import Testing

@testable import HoneGeneration

@Suite struct SharedPrefixTests {
  private let engine = Engine(threads: 2)
  private let model: LanguageModel

  init() throws { model = try TinyModels.load("gguf/tied-q8_0.gguf", engine: engine) }

  /// Some of them alike but for their last token, or but for where the target begins.
  private var continuations: [Generator.Continuation] {
    (0..<9).map { index in
      Generator.Continuation(
        context: TinyModels.ids(index % 4, from: index),
        target: TinyModels.ids(1 + 5 * (index % 3), from: 3 * index))
    } + [
      .init(context: [4, 9, 2], target: [7]), .init(context: [4, 9, 2], target: [3]),
      .init(context: [4], target: [9, 2, 3]), .init(target: [4]), .init(target: [6]),
      .init(context: [4, 9], target: []),
    ]
  }

  /// How many bytes so many prefixes of so many tokens take.
  private func bytes(prefixes: Int, tokens: Int) -> Int {
    prefixes
      * KeyValueCache(
        for: model.spec, sequences: 0, sequenceCapacity: 0, prefixCapacity: tokens,
        compute: engine.compute
      ).byteCount
  }

  @Test func `a continuation's scores are the same bits whatever is scored beside it`() throws {
    let prefix = TinyModels.ids(40, from: 2)
    let together = try Generator(model, engine: engine).score(continuations, after: prefix)
    for threads in [1, 2] {
      let engine = Engine(threads: threads)
      let model = try TinyModels.load("gguf/tied-q8_0.gguf", engine: engine)
      let generator = Generator(
        model, engine: engine, prefixMemory: bytes(prefixes: 1, tokens: 40))
      for (continuation, scores) in zip(continuations, together) {
        #expect(try generator.score([continuation], after: prefix) == [scores])
      }
    }
  }

  @Test func `the context is read and only the target is scored`() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try TinyModels.load("tied", engine: engine)
    let generator = Generator(model, engine: engine)
    let prefix = TinyModels.ids(20)
    for (continuation, scores) in zip(
      continuations, try generator.score(continuations, after: prefix))
    {
      let whole = try generator.score(prefix + continuation.context + continuation.target)
      #expect(scores.count == continuation.target.count)
      #expect(zip(scores, whole.suffix(scores.count)).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test func `a kept prefix gives what a new one gives`() throws {
    let keeping = Generator(model, engine: engine, prefixMemory: bytes(prefixes: 2, tokens: 30))
    let fresh = Generator(model, engine: engine)
    // Three prefixes over room for two, so that one is forgotten and made again.
    for round in 0..<3 {
      for start in 0..<3 {
        let prefix = TinyModels.ids(30, from: start)
        #expect(
          try keeping.score(continuations, after: prefix)
            == fresh.score(continuations, after: prefix))
        let prompts = (0..<3).map { index in
          Generator.Prompt(
            TinyModels.ids(4, from: index),
            sampling: SamplingOptions(temperature: 1, seed: UInt64(10 * round + index)),
            stop: StopRules(maximumTokens: 8))
        }
        let kept = try keeping.generate(prompts, after: prefix).map(\.tokens)
        #expect(try kept == fresh.generate(prompts, after: prefix).map(\.tokens))
        // Each by its own seed, whatever is beside it.
        #expect(try kept[1] == fresh.generate([prompts[1]], after: prefix)[0].tokens)
      }
    }
  }

  @Test func `prompts end each in its own way`() throws {
    let prompts = [0, 3, 7].map {
      Generator.Prompt(TinyModels.ids(5), stop: StopRules(maximumTokens: $0))
    }
    let found = try Generator(model, engine: engine).generate(prompts)
    let longest = found[2].tokens
    #expect(found.map(\.tokens) == [[], Array(longest.prefix(3)), longest])
  }
}
