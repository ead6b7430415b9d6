import HoneTensors

/// A decoder-only transformer with frozen weights.
public final class Decoder {
  /// One block: attention, then the gated feed-forward half, each normalised first and added to the
  /// residual stream.
  package struct Block {
    package var attentionNorm: Tensor
    package var query: Projection
    package var key: Projection
    package var value: Projection
    package var output: Projection
    package var feedForwardNorm: Tensor
    package var gate: Projection
    package var up: Projection
    package var down: Projection

    package init(
      attentionNorm: Tensor, query: Projection, key: Projection, value: Projection,
      output: Projection, feedForwardNorm: Tensor, gate: Projection, up: Projection,
      down: Projection
    ) {
      self.attentionNorm = attentionNorm
      self.query = query
      self.key = key
      self.value = value
      self.output = output
      self.feedForwardNorm = feedForwardNorm
      self.gate = gate
      self.up = up
      self.down = down
    }
  }

  public let spec: DecoderSpec
  package let embedding: Weight
  package let blocks: [Block]
  package let finalNorm: Tensor
  package let head: Projection
  private let rotary: RotaryTable

  package init(
    spec: DecoderSpec, embedding: Weight, blocks: [Block], finalNorm: Tensor, head: Projection
  ) {
    self.spec = spec
    self.embedding = embedding
    self.blocks = blocks
    self.finalNorm = finalNorm
    self.head = head
    rotary = RotaryTable(spec.rotary)
  }

  /// Bytes of all frozen matrices as they are stored.
  package var weightBytes: Int { bytesReadPerToken + (spec.tiesHead ? 0 : embedding.byteCount) }

  /// Bytes of weights that one token needs when it is decoded alone.
  package var bytesReadPerToken: Int {
    blocks.reduce(head.weight.byteCount) { sum, block in
      let projections = [
        block.query, block.key, block.value, block.output, block.gate, block.up, block.down,
      ]
      return sum + projections.reduce(0) { $0 + $1.weight.byteCount }
    }
  }

  /// The last hidden states of a batch's tokens, normalised and ready for the head.
  ///
  /// - Parameters:
  ///   - batch: the tokens, whole sequences or the continuation of what the cache holds.
  ///   - adapter: what is changed on the way.
  ///   - cache: where earlier keys are read and the new ones kept, begun with
  ///     ``begin(_:adapter:in:)``; nil computes whole sequences.
  /// - Returns: `[tokens x hidden]`.
  package func hiddenStates(
    _ batch: TokenBatch, adapter: some Adapter, cache: KeyValueCache? = nil, in pass: Pass
  ) -> Tensor {
    if cache != nil {
      let stream = adapter.embed(batch.ids, through: embedding, in: pass)
      let layout = Layout(batch.sequences, after: cache?.prefixCount ?? 0, cache: cache)
      return finished(
        run(stream, layout, adapter: adapter, prefixes: [], cache: cache, in: pass),
        adapter: adapter, in: pass)
    }
    let prefixes = adapter.prefixes(in: pass)
    let prefixCount = prefixes.first?.keys.shape[0] ?? 0
    if prefixCount > 0, batch.hasContinuations {
      // An attention span has one run of keys before its own: the prefix, or a beginning.
      let (separated, rows) = batch.separated()
      return gathered(
        rows, from: hiddenStates(separated, adapter: adapter, in: pass), in: pass)
    }
    guard let ahead = adapter.virtualTokens(in: pass) else {
      let stream = adapter.embed(batch.ids, through: embedding, in: pass)
      let layout = Layout(batch.sequences, after: prefixCount, cache: nil)
      return finished(
        run(stream, layout, adapter: adapter, prefixes: prefixes, cache: nil, in: pass),
        adapter: adapter, in: pass)
    }
    let count = ahead.shape[0]
    let wider = batch.sequences(after: count)
    /// How many of the rows ahead a sequence has of its own.
    func countAhead(_ sequence: TokenBatch.Sequence) -> Int { sequence.after.isEmpty ? count : 0 }
    let table = joined(
      [ahead, adapter.embed(batch.ids, through: embedding, in: pass)], in: pass)
    let stream = gathered(
      batch.sequences.flatMap { sequence in
        (0..<Int32(countAhead(sequence))) + sequence.rows.map { Int32(count + $0) }
      }, from: table, in: pass)
    let layout = Layout(wider, after: prefixCount, cache: nil)
    let output = run(stream, layout, adapter: adapter, prefixes: prefixes, cache: nil, in: pass)
    let rows = wider.flatMap { $0.rows.dropFirst(countAhead($0)).map { Int32($0) } }
    return finished(gathered(rows, from: output, in: pass), adapter: adapter, in: pass)
  }

  /// Puts what an adapter has before every sequence into an empty cache, as the beginning of the
  /// prefix that its sequences share.
  package func begin(_ cache: KeyValueCache, adapter: some Adapter, in pass: Pass) {
    precondition(cache.prefixCount == 0, "the cache has begun already")
    let prefixes = adapter.prefixes(in: pass)
    if !prefixes.isEmpty { cache.storePrefix(prefixes) }
    guard let ahead = adapter.virtualTokens(in: pass) else { return }
    let sequence = TokenBatch.Sequence(rows: 0..<ahead.shape[0])
    let layout = Layout([sequence], after: cache.prefixCount, cache: cache)
    _ = run(ahead, layout, adapter: adapter, prefixes: [], cache: cache, in: pass)
    cache.sharePrefix()
  }

  /// Where a batch's rows stand.
  private struct Layout {
    let sequences: [TokenBatch.Sequence]
    let positions: [Int32]
    let spans: [AttentionSpan]

    init(_ sequences: [TokenBatch.Sequence], after prefixCount: Int, cache: KeyValueCache?) {
      self.sequences = sequences
      positions = sequences.flatMap { sequence in
        (0..<sequence.rows.count).map { Int32(prefixCount + sequence.position + $0) }
      }
      spans =
        cache?.spans(sequences)
        ?? sequences.map { AttentionSpan(queries: $0.rows, keys: $0.rows, prefix: $0.after) }
    }
  }

  /// Runs all blocks.
  private func run(
    _ stream: Tensor, _ layout: Layout, adapter: some Adapter,
    prefixes: [(keys: Tensor, values: Tensor)], cache: KeyValueCache?, in pass: Pass
  ) -> Tensor {
    rotary.grow(to: Int(layout.positions.max() ?? 0) + 1)
    var stream = stream
    for (layer, block) in blocks.enumerated() {
      let prefix = prefixes.isEmpty ? nil : prefixes[layer]
      func run(_ stream: Tensor, in pass: Pass) -> Tensor {
        let middle = attention(
          stream, block: block, layer: layer, layout: layout, prefix: prefix, adapter: adapter,
          cache: cache, in: pass)
        return feedForward(middle, block: block, layer: layer, adapter: adapter, in: pass)
      }
      stream = pass.recomputesBlocks ? recomputed(stream, in: pass, run) : run(stream, in: pass)
    }
    cache?.advance(layout.sequences)
    return stream
  }

  private func finished(_ stream: Tensor, adapter: some Adapter, in pass: Pass) -> Tensor {
    let norm = adapter.vector(finalNorm, named: DecoderSpec.finalNormName, in: pass)
    return rmsNormalized(stream, weight: norm, epsilon: spec.normEpsilon, in: pass)
  }

  private func attention(
    _ stream: Tensor, block: Block, layer: Int, layout: Layout,
    prefix: (keys: Tensor, values: Tensor)?, adapter: some Adapter, cache: KeyValueCache?,
    in pass: Pass
  ) -> Tensor {
    let norm = adapter.vector(
      block.attentionNorm, named: DecoderSpec.attentionNormName(layer: layer), in: pass)
    let normalised = rmsNormalized(stream, weight: norm, epsilon: spec.normEpsilon, in: pass)
    let projected = adapter.project(
      normalised,
      at: [
        Site(.query, layer: layer), Site(.key, layer: layer), Site(.value, layer: layer),
      ],
      through: [block.query, block.key, block.value], in: pass)
    let angles = RotaryAngles(
      positions: layout.positions, cosines: rotary.cosines, sines: rotary.sines,
      pairCount: rotary.pairCount, headDimension: spec.headDimension)
    let queries = rotated(projected[0], angles, in: pass)
    let keys = rotated(projected[1], angles, in: pass)
    let shape = AttentionShape(
      headCount: spec.headCount, keyValueHeadCount: spec.keyValueHeadCount,
      headDimension: spec.headDimension, scale: 1 / Float(spec.headDimension).squareRoot(),
      window: spec.window)
    let mixed: Tensor
    if let cache {
      cache.store(
        keys: keys, values: projected[2], layer: layer, sequences: layout.sequences)
      mixed = attendedCached(
        queries, keys: cache.keys(layer), values: cache.values(layer), format: cache.format,
        spans: layout.spans, shape: shape, in: pass)
    } else {
      mixed = attended(
        queries, keys: keys, values: projected[2], prefix: prefix, spans: layout.spans,
        shape: shape, in: pass)
    }
    let output = adapter.project(
      mixed, at: [Site(.output, layer: layer)], through: [block.output], in: pass)[0]
    let transformed = adapter.transform(
      output, after: .attention, layer: layer, residual: stream, in: pass)
    return added(stream, transformed, in: pass)
  }

  private func feedForward(
    _ stream: Tensor, block: Block, layer: Int, adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    let norm = adapter.vector(
      block.feedForwardNorm, named: DecoderSpec.feedForwardNormName(layer: layer), in: pass)
    let normalised = rmsNormalized(stream, weight: norm, epsilon: spec.normEpsilon, in: pass)
    let projected = adapter.project(
      normalised, at: [Site(.gate, layer: layer), Site(.up, layer: layer)],
      through: [block.gate, block.up], in: pass)
    let gated = gatedUnit(gate: projected[0], up: projected[1], in: pass)
    // A block's output is known when it runs again.
    let isKnown = pass.isRerun && !adapter.readsOutputs
    let output = adapter.project(
      gated, at: [Site(.down, layer: layer)], through: [block.down],
      in: isKnown ? pass.omittingOutputs() : pass)[0]
    let transformed = adapter.transform(
      output, after: .feedForward, layer: layer, residual: stream, in: pass)
    return added(stream, transformed, in: pass)
  }

  /// The logits of hidden states, `[rows x vocabulary]`: for few rows only.
  package func logits(_ hidden: Tensor, adapter: some Adapter, in pass: Pass) -> Tensor {
    adapter.project(hidden, at: [Site(.head)], through: [head], in: pass)[0]
  }

  /// The natural logarithm of the probability of one token a row.
  ///
  /// Logits are formed for a few rows at a time, so memory does not grow with the text.
  package func logProbabilities(
    of targets: [Int32], after hidden: Tensor, adapter: some Adapter, in pass: Pass
  ) -> [Float] {
    precondition(targets.count == hidden.shape[0], "\(targets.count) targets for \(hidden.shape)")
    let chunk = 128
    return stride(from: 0, to: targets.count, by: chunk).flatMap { start -> [Float] in
      let rows = start..<min(start + chunk, targets.count)
      let logits = logits(hidden.rows(rows), adapter: adapter, in: pass)
      return tokenLogProbabilities(logits, targets: Array(targets[rows]), in: pass)
    }
  }

  /// The cross-entropy of a batch's trained tokens.
  ///
  /// - Parameters:
  ///   - hidden: what ``hiddenStates(_:adapter:cache:in:)`` gave for the batch.
  ///   - rows: the row that each target follows.
  ///   - targets: the tokens.
  ///   - weight: of each loss in the total.
  package func crossEntropy(
    _ hidden: Tensor, rows: [Int32], targets: [Int32], weight: Float, adapter: some Adapter,
    in pass: Pass
  ) -> TokenLosses {
    headCrossEntropy(
      hidden, rows: rows, targets: targets, weight: weight, vocabulary: spec.vocabularySize,
      in: pass
    ) { logits($0, adapter: adapter, in: $1) }
  }

  /// The log-probabilities of a batch's tokens, recorded one by one.
  ///
  /// - Parameters:
  ///   - hidden: what ``hiddenStates(_:adapter:cache:in:)`` gave for the batch.
  ///   - rows: the row that each target follows.
  ///   - targets: the tokens.
  ///   - statistics: whether the predictions' entropies and square sums are wanted too.
  package func tokenScores(
    _ hidden: Tensor, rows: [Int32], targets: [Int32], statistics: Bool, adapter: some Adapter,
    in pass: Pass
  ) -> TokenScores {
    headLogProbabilities(
      hidden, rows: rows, targets: targets, vocabulary: spec.vocabularySize,
      statistics: statistics, in: pass
    ) { self.logits($0, adapter: adapter, in: $1) }
  }
}
