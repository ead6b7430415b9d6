import HoneModels
import HoneTensors
import HoneText

/// Generates text with a model, and scores text that is given.
///
///     let generator = Generator(model, engine: engine)
///     let answers = try generator.generate([prompt], stop: StopRules(maximumTokens: 64))
///
/// Many prompts are decoded together, which costs little more than one; what each gives does not
/// depend on the others.
public final class Generator {
  /// How many sequences are decoded together: so many rows meet each weight while it is decoded.
  public static let batchSize = 8

  /// What came of one prompt.
  public struct Completion: Sendable {
    /// The tokens, without the one that ended it.
    public var tokens: [Int32]
    public var text: String
    public var reason: StopReason
  }

  /// A piece of text as it comes.
  public struct Piece: Sendable {
    /// Which prompt it continues.
    public var prompt: Int
    public var text: String
  }

  public let model: LanguageModel
  private let engine: Engine
  private let adapter: any Adapter

  public init(_ model: LanguageModel, adapter: any Adapter = NoAdapter(), engine: Engine) {
    self.model = model
    self.adapter = adapter
    self.engine = engine
  }

  // MARK: Generating

  /// Continues each prompt.
  ///
  /// - Parameters:
  ///   - prompts: tokens of each, after the shared prefix.
  ///   - prefix: tokens that all prompts start with; computed once.
  ///   - sampling: how tokens are chosen.
  ///   - stop: when to end.
  ///   - listener: is given text as it comes; false ends everything.
  /// - Throws: ``GenerationError`` for a prompt that does not fit the context, and when the model
  ///   computes no numbers.
  public func generate(
    _ prompts: [[Int32]], after prefix: [Int32] = [], sampling: SamplingOptions = .greedy,
    stop: StopRules, listener: (Piece) -> Bool = { _ in true }
  ) throws -> [Completion] {
    if let fault = sampling.faults.first { throw GenerationError(problem: fault) }
    if prompts.isEmpty { return [] }
    // A prompt that adds nothing to the prefix goes on from the prefix's last token.
    if let last = prefix.last, prompts.contains(where: \.isEmpty) {
      return try generate(
        prompts.map { [last] + $0 }, after: Array(prefix.dropLast()), sampling: sampling,
        stop: stop,
        listener: listener)
    }
    for (index, prompt) in prompts.enumerated() {
      try check(tokens: prefix + prompt, of: prompts.count > 1 ? "prompt \(index + 1)" : "prompt")
    }
    let context = model.spec.contextLength - adapter.positionsAhead
    let longest = prompts.map(\.count).max() ?? 0
    let capacity = min(context - prefix.count, longest + min(max(stop.maximumTokens, 0), context))
    let slots = min(prompts.count, Self.batchSize)
    let cache = cache(
      sequences: slots, sequenceCapacity: capacity, prefixCapacity: prefix.count)
    if !prefix.isEmpty {
      _ = lastHidden([prefix], slots: [0], cache: cache)
      cache.sharePrefix()
    }
    var run = Run(
      prompts: prompts, prefix: prefix, sampling: sampling, stop: stop,
      endTokens: stop.tokens.union(model.tokenizer.endOfGeneration), tokenizer: model.tokenizer)
    var cancelled = false
    while !cancelled, run.fill(slots: slots) {
      for slot in 0..<slots {
        guard !cancelled, let prompt = run.waiting(in: slot) else { continue }
        cache.truncate(slot, to: 0)
        let hidden = lastHidden([prompt], slots: [slot], cache: cache)
        cancelled = try !choose(hidden, for: [slot], &run, cache, capacity, listener)
      }
      let active = run.activeSlots
      if cancelled || active.isEmpty { continue }
      let hidden = lastHidden(active.map { [run.last(in: $0)] }, slots: active, cache: cache)
      cancelled = try !choose(hidden, for: active, &run, cache, capacity, listener)
    }
    return run.completions
  }

  /// A cache that begins with what the adapter puts before every sequence.
  private func cache(
    sequences: Int = 1, sequenceCapacity: Int, prefixCapacity: Int
  ) -> KeyValueCache {
    let ahead = adapter.positionsAhead
    let cache = KeyValueCache(
      for: model.spec, sequences: sequences,
      sequenceCapacity: max(sequenceCapacity, prefixCapacity, ahead),
      prefixCapacity: ahead + prefixCapacity, compute: engine.compute)
    model.decoder.begin(cache, adapter: adapter, in: Pass(engine))
    return cache
  }

  /// Chooses the next token of each slot from its hidden state; false when the listener ends it.
  private func choose(
    _ hidden: Tensor, for slots: [Int], _ run: inout Run, _ cache: KeyValueCache, _ capacity: Int,
    _ listener: (Piece) -> Bool
  ) throws -> Bool {
    let pass = Pass(engine, decoding: true)
    let logits = model.decoder.logits(hidden, adapter: adapter, in: pass)
    let vocabulary = logits.shape.columns
    for (row, slot) in slots.enumerated() {
      let values = UnsafeMutableBufferPointer(
        start: logits.pointer + row * vocabulary, count: vocabulary)
      let isFull = cache.counts[slot] >= capacity
      if let piece = try run.take(values, in: slot, isFull: isFull), !listener(piece) {
        return false
      }
    }
    return true
  }

  /// The hidden state of each sequence's last token; its tokens go to the cache.
  private func lastHidden(_ tokens: [[Int32]], slots: [Int], cache: KeyValueCache) -> Tensor {
    let isDecoding = tokens.allSatisfy { $0.count == 1 }
    let pass = Pass(engine, decoding: isDecoding)
    var start = 0
    let batch = TokenBatch(
      ids: tokens.flatMap { $0 },
      sequences: zip(tokens, slots).map { tokens, slot in
        defer { start += tokens.count }
        return TokenBatch.Sequence(
          rows: start..<start + tokens.count, position: cache.counts[slot], slot: slot)
      })
    let hidden = model.decoder.hiddenStates(batch, adapter: adapter, cache: cache, in: pass)
    if isDecoding { return hidden }
    precondition(tokens.count == 1, "prompts are read one at a time")
    return hidden.rows(hidden.shape[0] - 1..<hidden.shape[0])
  }

  // MARK: Scoring

  /// The natural logarithm of each token's probability given those before it: one fewer than the
  /// tokens.
  public func score(_ tokens: [Int32]) throws -> [Float] {
    guard tokens.count > 1 else { return [] }
    try check(tokens: tokens, of: "text")
    let pass = Pass(engine)
    let hidden = model.decoder.hiddenStates(TokenBatch([tokens]), adapter: adapter, in: pass)
    return model.decoder.logProbabilities(
      of: Array(tokens.dropFirst()), after: hidden.rows(0..<tokens.count - 1), adapter: adapter,
      in: pass)
  }

  /// The log-probabilities of each of several continuations of one prefix, which is computed once.
  ///
  /// - Returns: for each continuation one number a token.
  public func score(_ continuations: [[Int32]], after prefix: [Int32]) throws -> [[Float]] {
    guard !prefix.isEmpty else {
      throw GenerationError(
        problem: "continuations are scored after a prefix of at least one token")
    }
    for continuation in continuations { try check(tokens: prefix + continuation, of: "text") }
    let longest = continuations.map(\.count).max() ?? 0
    let cache = cache(sequenceCapacity: longest, prefixCapacity: prefix.count)
    let end = lastHidden([prefix], slots: [0], cache: cache)
    cache.sharePrefix()
    return continuations.map { tokens in
      guard !tokens.isEmpty else { return [] }
      let pass = Pass(engine)
      var scores = model.decoder.logProbabilities(
        of: [tokens[0]], after: end, adapter: adapter, in: pass)
      if tokens.count > 1 {
        cache.truncate(0, to: 0)
        let hidden = model.decoder.hiddenStates(
          TokenBatch([Array(tokens.dropLast())]), adapter: adapter, cache: cache, in: pass)
        scores += model.decoder.logProbabilities(
          of: Array(tokens.dropFirst()), after: hidden, adapter: adapter, in: pass)
      }
      return scores
    }
  }

  private func check(tokens: [Int32], of what: String) throws {
    let context = model.spec.contextLength - adapter.positionsAhead
    guard !tokens.isEmpty else { throw GenerationError(problem: "the \(what) is empty") }
    guard tokens.count <= context else {
      throw GenerationError(
        problem: "the \(what) has \(tokens.count) tokens, and the model's context holds \(context)",
        advice: "shorten it")
    }
    if let id = tokens.first(where: { $0 < 0 || $0 >= model.spec.vocabularySize }) {
      throw GenerationError(
        problem: "the \(what) holds token \(id), and the model has \(model.spec.vocabularySize)",
        advice: "the tokenizer may belong to another model")
    }
  }
}
