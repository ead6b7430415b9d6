import HoneFormats
import HoneModels
import HoneTensors
import HoneText

/// A conversation with a model, turn by turn.
///
/// The keys and values of what was said stay cached: a turn reads only the tokens that are new.
public final class ChatSession {
  private let model: LanguageModel
  /// What adapts the model from the next turn on; the conversation is then read again.
  public var adapter: any Adapter {
    didSet {
      cached = []
      if cache.prefixCapacity == adapter.positionsAhead {
        cache.reset()
        model.decoder.begin(cache, adapter: adapter, in: Pass(engine))
      } else {
        cache = Self.cache(for: model, adapter: adapter, engine: engine)
      }
    }
  }
  private let engine: Engine
  private var cache: KeyValueCache
  /// The tokens that the cache holds.
  private var cached: [Int32] = []
  public private(set) var messages: [JSONValue] = []

  /// - Parameter system: what the model is told first; nil leaves it to the template.
  public init(
    _ model: LanguageModel, adapter: any Adapter = NoAdapter(), system: String? = nil,
    engine: Engine
  ) {
    self.model = model
    self.adapter = adapter
    self.engine = engine
    cache = Self.cache(for: model, adapter: adapter, engine: engine)
    self.system = system
    reset()
  }

  private static func cache(
    for model: LanguageModel, adapter: any Adapter, engine: Engine
  ) -> KeyValueCache {
    let cache = KeyValueCache(
      for: model.spec, sequenceCapacity: model.spec.contextLength,
      prefixCapacity: adapter.positionsAhead, compute: engine.compute)
    model.decoder.begin(cache, adapter: adapter, in: Pass(engine))
    return cache
  }

  /// How many tokens a conversation may have.
  private var contextLength: Int { model.spec.contextLength - adapter.positionsAhead }

  private let system: String?

  /// Forgets the conversation.
  public func reset() {
    messages = system.map { [Self.message("system", $0)] } ?? []
  }

  private static func message(_ role: String, _ content: String) -> JSONValue {
    .object(JSONObject([("role", .string(role)), ("content", .string(content))]))
  }

  /// Says something and returns the model's answer.
  ///
  /// - Parameter listener: is given the answer as it comes; false ends it.
  /// - Throws: ``GenerationError`` when the conversation has outgrown the context; it is then as
  ///   before.
  public func say(
    _ text: String, sampling: SamplingOptions, stop: StopRules,
    listener: (String) -> Bool = { _ in true }
  ) throws -> Generator.Completion {
    let said = messages + [Self.message("user", text)]
    let rendered = try model.chatFormat.render(
      Conversation(messages: said, addsGenerationPrompt: true))
    // The template writes special tokens itself.
    let tokens = model.tokenizer.encode(rendered, addingSpecialTokens: false)
    let room = contextLength - tokens.count
    guard room > 0 else {
      throw GenerationError(
        problem: """
          the conversation has \(tokens.count) tokens, and the model's context holds \
          \(contextLength)
          """, advice: "start anew")
    }
    var known = zip(tokens, cached).prefix { $0 == $1 }.count
    // The last token is read again: its hidden state chooses the answer's first token.
    known = min(known, tokens.count - 1)
    cache.truncate(0, to: known)
    cached = Array(tokens[..<known])
    var rules = stop
    rules.maximumTokens = min(stop.maximumTokens, room)
    var run = Run(
      prompts: [Generator.Prompt(tokens, sampling: sampling, stop: rules)], prefix: [],
      endTokens: model.tokenizer.endOfGeneration, tokenizer: model.tokenizer)
    var next = Array(tokens[known...])
    var cancelled = false
    while !cancelled, run.fill(slots: 1) {
      let pass = Pass(engine, of: next.count == 1 ? .nextTokens : .prompt)
      let batch = TokenBatch(
        ids: next, sequences: [.init(rows: 0..<next.count, position: cached.count)])
      let hidden = model.decoder.hiddenStates(batch, adapter: adapter, cache: cache, in: pass)
      cached += next
      let last = hidden.rows(hidden.shape[0] - 1..<hidden.shape[0])
      let logits = model.decoder.logits(last, adapter: adapter, in: Pass(engine, of: .nextTokens))
      let values = UnsafeMutableBufferPointer(start: logits.pointer, count: logits.shape.count)
      if let piece = try run.take(values, in: 0, isFull: cached.count >= contextLength) {
        cancelled = !listener(piece.text)
      }
      if !run.activeSlots.isEmpty { next = [run.last(in: 0)] }
    }
    let completion = run.completions[0]
    messages = said + [Self.message("assistant", completion.text)]
    return completion
  }
}
