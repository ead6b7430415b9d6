import HoneModels
import HoneTensors

extension Generator {
  /// A text whose end is scored, after a prefix that it shares with others.
  public struct Continuation: Sendable {
    /// What follows the prefix and is not scored itself; may be empty.
    public var context: [Int32]
    /// What is scored.
    public var target: [Int32]

    public init(context: [Int32] = [], target: [Int32]) {
      self.context = context
      self.target = target
    }
  }

  /// How many rows of tokens are scored together.
  private static let scoredRows = 512
  /// How many sequences are scored together.
  private static let scoredSequences = 32

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
    try score(continuations.map { Continuation(target: $0) }, after: prefix)
  }

  /// The log-probabilities of the targets of several continuations of one prefix.
  ///
  /// The prefix is computed once (not at all where its keys and values are kept), several
  /// continuations go through the network together, and logits are formed for the targets alone.
  /// What one gives does not depend on the others.
  ///
  /// - Returns: for each continuation one number a token of its target.
  public func score(
    _ continuations: [Continuation], after prefix: [Int32]
  ) throws -> [[Float]] {
    guard !prefix.isEmpty else {
      throw GenerationError(
        problem: "continuations are scored after a prefix of at least one token")
    }
    for continuation in continuations {
      try check(tokens: prefix + continuation.context + continuation.target, of: "text")
    }
    // Continuations that are read alike are read once: they differ in their last token alone.
    var groups: [[Int32]: [Int]] = [:]
    var texts: [[Int32]] = []
    for (index, continuation) in continuations.enumerated() {
      let text = Array((continuation.context + continuation.target).dropLast())
      if groups[text] == nil { texts.append(text) }
      groups[text, default: []].append(index)
    }
    let longest = max(1, texts.map(\.count).max() ?? 1)
    let slots = max(
      1, min(texts.count, Self.scoredSequences, max(1, Self.scoredRows / longest)))
    let (cache, end) = cache(sequences: slots, sequenceCapacity: longest, after: prefix)
    var scores = continuations.map { _ in [Float]() }
    guard let end else { return scores }
    for start in stride(from: 0, to: texts.count, by: slots) {
      let now = texts[start..<min(start + slots, texts.count)]
      let places = now.map { groups[$0]! }
      let found = score(
        Array(now), targets: places.map { $0.map { continuations[$0].target } }, cache: cache,
        end: end)
      for (place, found) in zip(places.joined(), found) { scores[place] = found }
    }
    return scores
  }

  /// - Parameters:
  ///   - texts: what is read of each sequence after the prefix.
  ///   - targets: for each of them, the ends that are scored: the text's own last tokens and one more.
  /// - Returns: the targets' scores, one after the other.
  private func score(
    _ texts: [[Int32]], targets: [[[Int32]]], cache: KeyValueCache, end: Tensor
  ) -> [[Float]] {
    let pass = Pass(engine)
    var ids: [Int32] = []
    var sequences: [TokenBatch.Sequence] = []
    // The rows whose predictions are wanted, the first being the prefix's own end.
    var rows: [Int32] = []
    for (slot, text) in texts.enumerated() {
      cache.truncate(slot, to: 0)
      let start = ids.count
      ids += text
      if ids.count > start { sequences.append(.init(rows: start..<ids.count, slot: slot)) }
      for target in targets[slot] {
        for place in target.indices {
          let row = text.count + 1 - target.count + place
          rows.append(row == 0 ? 0 : Int32(start + row))
        }
      }
    }
    let all = targets.flatMap { $0 }
    guard !rows.isEmpty else { return all.map { _ in [] } }
    var states = end
    if !ids.isEmpty {
      let hidden = model.decoder.hiddenStates(
        TokenBatch(ids: ids, sequences: sequences), adapter: adapter, cache: cache, in: pass)
      states = joined([end, hidden], in: pass)
    }
    let scores = model.decoder.logProbabilities(
      of: all.flatMap { $0 }, after: gathered(rows, from: states, in: pass), adapter: adapter,
      in: pass)
    var place = 0
    return all.map { target in
      defer { place += target.count }
      return Array(scores[place..<place + target.count])
    }
  }
}
