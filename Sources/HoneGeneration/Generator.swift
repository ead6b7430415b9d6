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

  /// A text to continue, with ways of its own.
  public struct Prompt {
    /// The tokens, after the shared prefix.
    public var tokens: [Int32]
    /// How its tokens are chosen.
    public var sampling: SamplingOptions
    /// Which of its seed's streams of random numbers it draws from.
    public var stream: Int
    /// When it ends.
    public var stop: StopRules
    /// What its text must be, in place of stop strings; nil for anything.
    package var constraint: TokenConstraint?

    public init(
      _ tokens: [Int32], sampling: SamplingOptions = .greedy, stream: Int = 0, stop: StopRules
    ) {
      self.tokens = tokens
      self.sampling = sampling
      self.stream = stream
      self.stop = stop
    }
  }

  public let model: LanguageModel
  let engine: Engine
  let adapter: any Adapter
  /// What was computed of prefixes, for later calls after the same ones.
  let prefixes: PrefixMemory

  /// - Parameter prefixMemory: how many bytes of shared prefixes' keys and values are kept for later
  ///   calls, the least recently used forgotten first.
  public init(
    _ model: LanguageModel, adapter: any Adapter = NoAdapter(), engine: Engine,
    prefixMemory: Int = 0
  ) {
    self.model = model
    self.adapter = adapter
    self.engine = engine
    prefixes = PrefixMemory(capacity: prefixMemory)
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
    try generate(
      prompts.enumerated().map { Prompt($1, sampling: sampling, stream: $0, stop: stop) },
      after: prefix, listener: listener)
  }

  /// Continues each prompt in its own way.
  ///
  /// - Parameters:
  ///   - prompts: each with its sampling and its end.
  ///   - prefix: tokens that all prompts start with; computed once.
  ///   - listener: is given text as it comes; false ends everything.
  /// - Throws: ``GenerationError`` for a prompt that does not fit the context, and when the model
  ///   computes no numbers.
  public func generate(
    _ prompts: [Prompt], after prefix: [Int32] = [], listener: (Piece) -> Bool = { _ in true }
  ) throws -> [Completion] {
    for prompt in prompts {
      if let fault = prompt.sampling.faults.first { throw GenerationError(problem: fault) }
    }
    if prompts.isEmpty { return [] }
    // A prompt that adds nothing to the prefix goes on from the prefix's last token.
    if let last = prefix.last, prompts.contains(where: \.tokens.isEmpty) {
      let longer = prompts.map { prompt in
        var prompt = prompt
        prompt.tokens.insert(last, at: 0)
        return prompt
      }
      return try generate(longer, after: Array(prefix.dropLast()), listener: listener)
    }
    for (index, prompt) in prompts.enumerated() {
      try check(
        tokens: prefix + prompt.tokens, of: prompts.count > 1 ? "prompt \(index + 1)" : "prompt")
      guard let constraint = prompt.constraint else { continue }
      let room =
        model.spec.contextLength - adapter.positionsAhead - prefix.count - prompt.tokens.count
      guard min(room, prompt.stop.maximumTokens) >= constraint.shortestText else {
        throw GenerationError(
          problem: """
            the shortest text that fits the constraint may take \(constraint.shortestText) tokens, \
            and \(max(0, min(room, prompt.stop.maximumTokens))) are allowed
            """, advice: "allow more tokens")
      }
    }
    let context = model.spec.contextLength - adapter.positionsAhead
    let longest = prompts.map { prompt in
      prompt.tokens.count + min(max(prompt.stop.maximumTokens, 0), context)
    }
    let capacity = min(context - prefix.count, longest.max() ?? 0)
    let slots = min(prompts.count, Self.batchSize)
    let cache = cache(sequences: slots, sequenceCapacity: capacity, after: prefix).cache
    var run = Run(
      prompts: prompts, prefix: prefix, endTokens: model.tokenizer.endOfGeneration,
      context: context, tokenizer: model.tokenizer)
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

  /// A cache that begins with what the adapter puts before every sequence, and the shared prefix.
  ///
  /// - Returns: with the hidden state of the prefix's last token; nil without a prefix.
  func cache(
    sequences: Int, sequenceCapacity: Int, after prefix: [Int32]
  ) -> (cache: KeyValueCache, end: Tensor?) {
    let ahead = adapter.positionsAhead
    func new(sequences: Int, sequenceCapacity: Int) -> KeyValueCache {
      KeyValueCache(
        for: model.spec, sequences: sequences, sequenceCapacity: sequenceCapacity,
        prefixCapacity: ahead + prefix.count, compute: engine.compute)
    }
    guard !prefix.isEmpty else {
      let cache = new(sequences: sequences, sequenceCapacity: max(sequenceCapacity, ahead))
      model.decoder.begin(cache, adapter: adapter, in: Pass(engine))
      return (cache, nil)
    }
    let known: PrefixMemory.Entry
    if let entry = prefixes.entry(for: prefix) {
      known = entry
    } else {
      let read = new(sequences: 1, sequenceCapacity: max(prefix.count, ahead))
      model.decoder.begin(read, adapter: adapter, in: Pass(engine))
      let end = lastHidden([prefix], slots: [0], cache: read)
      read.sharePrefix()
      let cache = new(sequences: 0, sequenceCapacity: 0)
      cache.copyPrefix(from: read)
      known = PrefixMemory.Entry(tokens: prefix, cache: cache, end: end)
      prefixes.keep(known)
    }
    let cache = new(sequences: sequences, sequenceCapacity: sequenceCapacity)
    cache.copyPrefix(from: known.cache)
    return (cache, known.end)
  }

  /// Chooses the next token of each slot from its hidden state; false when the listener ends it.
  private func choose(
    _ hidden: Tensor, for slots: [Int], _ run: inout Run, _ cache: KeyValueCache, _ capacity: Int,
    _ listener: (Piece) -> Bool
  ) throws -> Bool {
    let pass = Pass(engine, of: .nextTokens)
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
  func lastHidden(_ tokens: [[Int32]], slots: [Int], cache: KeyValueCache) -> Tensor {
    let isDecoding = tokens.allSatisfy { $0.count == 1 }
    let pass = Pass(engine, of: isDecoding ? .nextTokens : .prompt)
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

  func check(tokens: [Int32], of what: String) throws {
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
