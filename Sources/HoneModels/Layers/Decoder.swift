import HoneTensors

/// A decoder-only transformer with frozen weights.
public final class Decoder {
  /// One block: attention, then the gated feed-forward half, each added to the residual stream.
  package struct Block {
    package var norms: [NormSite: Tensor]
    package var query: Projection
    package var key: Projection
    package var value: Projection
    package var output: Projection
    package var gate: Projection
    package var up: Projection
    package var down: Projection
  }

  public let spec: DecoderSpec
  package let embedding: Weight
  package let blocks: [Block]
  package let finalNorm: Tensor
  package let head: Projection
  /// The angles of each kind of layer; none for layers that turn nothing.
  private let rotaries: [(spec: RotarySpec, table: RotaryTable)]

  package init(
    spec: DecoderSpec, embedding: Weight, blocks: [Block], finalNorm: Tensor, head: Projection
  ) {
    self.spec = spec
    self.embedding = embedding
    self.blocks = blocks
    self.finalNorm = finalNorm
    self.head = head
    rotaries = (0..<spec.layerCount).reduce(into: []) { found, layer in
      guard let rotary = spec.layer(layer).rotary, !found.contains(where: { $0.spec == rotary })
      else { return }
      found.append((rotary, RotaryTable(rotary)))
    }
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
      let stream = embed(batch.ids, adapter: adapter, in: pass)
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
      let stream = embed(batch.ids, adapter: adapter, in: pass)
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
      [ahead, embed(batch.ids, adapter: adapter, in: pass)], in: pass)
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

  private func embed(_ ids: [Int32], adapter: some Adapter, in pass: Pass) -> Tensor {
    let rows = adapter.embed(ids, through: embedding, in: pass)
    return spec.embeddingScale == 1 ? rows : scaled(rows, by: spec.embeddingScale, in: pass)
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
    for rotary in rotaries { rotary.table.grow(to: Int(layout.positions.max() ?? 0) + 1) }
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
    return rmsNormalized(
      stream, weight: norm, offset: spec.normOffset, epsilon: spec.normEpsilon, in: pass)
  }

  /// Normalises where the network does; elsewhere what goes in comes out.
  private func normalized(
    _ input: Tensor, at site: NormSite, of block: Block, layer: Int, adapter: some Adapter,
    in pass: Pass
  ) -> Tensor {
    guard let name = spec.normName(site, layer: layer), let base = block.norms[site] else {
      return input
    }
    let weight = adapter.vector(base, named: name, in: pass)
    return rmsNormalized(
      input, weight: weight, offset: spec.normOffset, epsilon: spec.normEpsilon, in: pass)
  }

  /// What a half of a block came to, added to the stream.
  private func added(
    _ output: Tensor, after sublayer: Sublayer, at site: NormSite, to stream: Tensor,
    of block: Block, layer: Int, adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    let transformed = adapter.transform(
      output, after: sublayer, layer: layer, residual: stream, in: pass)
    let normalized = normalized(
      transformed, at: site, of: block, layer: layer, adapter: adapter, in: pass)
    guard spec.residualScale != 1 else { return HoneTensors.added(stream, normalized, in: pass) }
    return HoneTensors.added(
      stream, scaled(normalized, by: spec.residualScale, in: pass), in: pass)
  }

  private func attention(
    _ stream: Tensor, block: Block, layer: Int, layout: Layout,
    prefix: (keys: Tensor, values: Tensor)?, adapter: some Adapter, cache: KeyValueCache?,
    in pass: Pass
  ) -> Tensor {
    func normalized(_ input: Tensor, _ site: NormSite) -> Tensor {
      self.normalized(input, at: site, of: block, layer: layer, adapter: adapter, in: pass)
    }
    let projected = adapter.project(
      normalized(stream, .attention),
      at: [
        Site(.query, layer: layer), Site(.key, layer: layer), Site(.value, layer: layer),
      ],
      through: [block.query, block.key, block.value], in: pass)
    let rule = spec.layer(layer)
    func turned(_ rows: Tensor) -> Tensor {
      guard let table = rotaries.first(where: { $0.spec == rule.rotary })?.table else {
        return rows
      }
      let angles = RotaryAngles(
        positions: layout.positions, cosines: table.cosines, sines: table.sines,
        pairCount: table.pairCount, headDimension: spec.headDimension)
      return rotated(rows, angles, in: pass)
    }
    let queries = turned(normalized(projected[0], .query))
    let keys = turned(normalized(projected[1], .key))
    let shape = AttentionShape(
      headCount: spec.headCount, keyValueHeadCount: spec.keyValueHeadCount,
      headDimension: spec.headDimension,
      scale: spec.attentionScale ?? 1 / Float(spec.headDimension).squareRoot(),
      softCap: spec.attentionSoftCap, window: rule.window)
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
    return added(
      output, after: .attention, at: .attentionOutput, to: stream, of: block, layer: layer,
      adapter: adapter, in: pass)
  }

  private func feedForward(
    _ stream: Tensor, block: Block, layer: Int, adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    let input = normalized(
      stream, at: .feedForward, of: block, layer: layer, adapter: adapter, in: pass)
    let projected = adapter.project(
      input, at: [Site(.gate, layer: layer), Site(.up, layer: layer)],
      through: [block.gate, block.up], in: pass)
    let gated = gatedUnit(
      gate: projected[0], up: projected[1], activation: spec.activation, in: pass)
    // A block's output is known when it runs again, and only a norm after it reads it then.
    let isKnown =
      pass.isRerun && !adapter.readsOutputs && block.norms[.feedForwardOutput] == nil
    let output = adapter.project(
      gated, at: [Site(.down, layer: layer)], through: [block.down],
      in: isKnown ? pass.omittingOutputs() : pass)[0]
    return added(
      output, after: .feedForward, at: .feedForwardOutput, to: stream, of: block, layer: layer,
      adapter: adapter, in: pass)
  }

  /// The logits of hidden states, `[rows x vocabulary]`: for few rows only.
  package func logits(_ hidden: Tensor, adapter: some Adapter, in pass: Pass) -> Tensor {
    var logits = adapter.project(hidden, at: [Site(.head)], through: [head], in: pass)[0]
    if spec.logitScale != 1 { logits = scaled(logits, by: spec.logitScale, in: pass) }
    return spec.logitSoftCap > 0 ? softCapped(logits, at: spec.logitSoftCap, in: pass) : logits
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
