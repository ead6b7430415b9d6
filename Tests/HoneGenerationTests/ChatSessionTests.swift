import Foundation
import HoneAdapters
import HoneFormats
import HoneGeneration
import HoneModels
import HoneTensors
import Testing

private let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().path

/// Adapters in a conversation.
@Suite struct ChatSessionTests {
  private let engine = Engine(threads: 2, compute: .f32)
  private let model: LanguageModel
  private let adapters: [any TrainableAdapter]

  init() throws {
    model = try LanguageModel(
      LocalModel(path: "\(tests)/HoneModelsTests/Fixtures/tiny-llama-tied", layout: .folder),
      engine: engine)
    adapters = try ["plain", "rslora"].map { [model, engine] name in
      try AdapterFolder.load(
        "\(tests)/HoneTrainingTests/Fixtures/lora-tied-\(name)/final", for: model, engine: engine)
    }
  }

  private func say(_ text: String, _ session: ChatSession) throws -> [Int32] {
    try session.say(text, sampling: .greedy, stop: StopRules(maximumTokens: 6)).tokens
  }

  @Test func `after a switch the answer is that of a session with the new adapter`() throws {
    let session = ChatSession(model, adapter: adapters[0], engine: engine)
    let first = try say("hi", session)
    #expect(try first == say("hi", ChatSession(model, adapter: adapters[0], engine: engine)))
    session.adapter = adapters[1]
    session.reset()
    #expect(
      try say("hi", session)
        == say("hi", ChatSession(model, adapter: adapters[1], engine: engine)))
    session.adapter = NoAdapter()
    session.reset()
    #expect(try say("hi", session) == say("hi", ChatSession(model, engine: engine)))
  }

  @Test func `a conversation goes on after a switch, read by the new adapter`() throws {
    let session = ChatSession(model, adapter: adapters[0], engine: engine)
    _ = try say("hi", session)
    let said = session.messages
    session.adapter = adapters[1]
    #expect(session.messages == said)
    let answer = try say("and now?", session)
    // Everything that was said before, in one go, with the new adapter.
    let rendered = try model.chatFormat.render(
      .init(messages: Array(session.messages.dropLast()), addsGenerationPrompt: true))
    let prompt = model.tokenizer.encode(rendered, addingSpecialTokens: false)
    let whole = try Generator(model, adapter: adapters[1], engine: engine)
      .generate([prompt], stop: StopRules(maximumTokens: 6))
    #expect(answer == whole[0].tokens)
  }

  @Test func `switching takes less than ten milliseconds`() throws {
    let session = ChatSession(model, adapter: adapters[0], engine: engine)
    _ = try say("hi", session)
    let clock = ContinuousClock()
    let times = (0..<20).map { round in
      clock.measure { session.adapter = adapters[(round + 1) % 2] }
    }.sorted()
    #expect(times[0] < .milliseconds(10))
  }

  @Test func `what an adapter puts ahead is ahead of every prompt`() throws {
    let adapter = WordsAhead(model.tokenizer.encode("Once upon a time"), model)
    let prompts = ["there was", "a king", "x"].map { model.tokenizer.encode($0) }
    let shared = model.tokenizer.encode("long ago ")
    let rules = StopRules(maximumTokens: 5)
    let found = try Generator(model, adapter: adapter, engine: engine)
      .generate(prompts, after: shared, stop: rules)
    let expected = try Generator(model, engine: engine)
      .generate(prompts, after: adapter.ids + shared, stop: rules)
    #expect(found.map(\.tokens) == expected.map(\.tokens))
    let scores = try Generator(model, adapter: adapter, engine: engine).score(prompts[0])
    let whole = try Generator(model, engine: engine).score(adapter.ids + prompts[0])
    #expect(zip(scores, whole.suffix(scores.count)).allSatisfy { abs($0 - $1) < 1e-4 })
  }
}

/// Puts the embedded tokens that it is given before every sequence.
private final class WordsAhead: Adapter {
  let ids: [Int32]
  private let table: Weight

  init(_ ids: [Int32], _ model: LanguageModel) {
    self.ids = ids
    table = model.decoder.projection(at: Site(.embedding)).weight
  }

  var positionsAhead: Int { ids.count }

  func virtualTokens(in pass: Pass) -> Tensor? { embedded(ids, in: table, pass: pass) }
}
