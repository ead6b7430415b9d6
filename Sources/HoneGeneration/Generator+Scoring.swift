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
    let lengths = continuations.map { max(0, $0.context.count + $0.target.count - 1) }
    let longest = max(1, lengths.max() ?? 1)
    let slots = max(
      1, min(continuations.count, Self.scoredSequences, max(1, Self.scoredRows / longest)))
    let (cache, end) = cache(sequences: slots, sequenceCapacity: longest, after: prefix)
    guard let end else { return [] }
    return stride(from: 0, to: continuations.count, by: slots).flatMap { start in
      score(
        Array(continuations[start..<min(start + slots, continuations.count)]), cache: cache,
        end: end)
    }
  }

  private func score(
    _ continuations: [Continuation], cache: KeyValueCache, end: Tensor
  ) -> [[Float]] {
    let pass = Pass(engine)
    var ids: [Int32] = []
    var sequences: [TokenBatch.Sequence] = []
    // The rows whose predictions are wanted, the first being the prefix's own end.
    var rows: [Int32] = []
    for (slot, continuation) in continuations.enumerated() {
      cache.truncate(slot, to: 0)
      let start = ids.count
      ids += (continuation.context + continuation.target).dropLast()
      if ids.count > start { sequences.append(.init(rows: start..<ids.count, slot: slot)) }
      for place in continuation.target.indices {
        let row = continuation.context.count + place
        rows.append(row == 0 ? 0 : Int32(start + row))
      }
    }
    guard !rows.isEmpty else { return continuations.map { _ in [] } }
    var states = end
    if !ids.isEmpty {
      let hidden = model.decoder.hiddenStates(
        TokenBatch(ids: ids, sequences: sequences), adapter: adapter, cache: cache, in: pass)
      states = joined([end, hidden], in: pass)
    }
    let scores = model.decoder.logProbabilities(
      of: continuations.flatMap(\.target), after: gathered(rows, from: states, in: pass),
      adapter: adapter, in: pass)
    var place = 0
    return continuations.map { continuation in
      defer { place += continuation.target.count }
      return Array(scores[place..<place + continuation.target.count])
    }
  }
}
