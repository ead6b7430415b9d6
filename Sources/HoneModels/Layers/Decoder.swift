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
  ///   - cache: where earlier keys are read and the new ones kept; nil computes whole sequences.
  /// - Returns: `[tokens x hidden]`.
  package func hiddenStates(
    _ batch: TokenBatch, adapter: some Adapter, cache: KeyValueCache? = nil, in pass: Pass
  ) -> Tensor {
    let prefixCount = cache?.prefixCount ?? 0
    let positions = batch.positions.map { $0 + Int32(prefixCount) }
    rotary.grow(to: Int(positions.max() ?? 0) + 1)
    let spans = cache?.spans(batch) ?? batch.sequences.map { AttentionSpan(whole: $0.rows) }
    var stream = embedded(batch.ids, in: embedding, pass: pass)
    for (layer, block) in blocks.enumerated() {
      stream = attention(
        stream, block: block, layer: layer, batch: batch, positions: positions, spans: spans,
        adapter: adapter, cache: cache, in: pass)
      stream = feedForward(stream, block: block, layer: layer, adapter: adapter, in: pass)
    }
    cache?.advance(batch)
    return rmsNormalized(stream, weight: finalNorm, epsilon: spec.normEpsilon, in: pass)
  }

  private func attention(
    _ stream: Tensor, block: Block, layer: Int, batch: TokenBatch, positions: [Int32],
    spans: [AttentionSpan], adapter: some Adapter, cache: KeyValueCache?, in pass: Pass
  ) -> Tensor {
    let normalised = rmsNormalized(
      stream, weight: block.attentionNorm, epsilon: spec.normEpsilon, in: pass)
    let projected = adapter.project(
      normalised,
      at: [
        Site(.query, layer: layer), Site(.key, layer: layer), Site(.value, layer: layer),
      ],
      through: [block.query, block.key, block.value], in: pass)
    let angles = RotaryAngles(
      positions: positions, cosines: rotary.cosines, sines: rotary.sines,
      pairCount: rotary.pairCount, headDimension: spec.headDimension)
    let queries = rotated(projected[0], angles, in: pass)
    let keys = rotated(projected[1], angles, in: pass)
    let shape = AttentionShape(
      headCount: spec.headCount, keyValueHeadCount: spec.keyValueHeadCount,
      headDimension: spec.headDimension, scale: 1 / Float(spec.headDimension).squareRoot(),
      window: spec.window)
    let mixed: Tensor
    if let cache {
      cache.store(keys: keys, values: projected[2], layer: layer, batch: batch)
      mixed = attendedCached(
        queries, keys: cache.keys(layer), values: cache.values(layer), format: cache.format,
        spans: spans, shape: shape, in: pass)
    } else {
      let prefix = adapter.prefix(forLayer: layer, in: pass)
      mixed = attended(
        queries, keys: keys, values: projected[2], prefix: prefix, spans: spans, shape: shape,
        in: pass)
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
    let normalised = rmsNormalized(
      stream, weight: block.feedForwardNorm, epsilon: spec.normEpsilon, in: pass)
    let projected = adapter.project(
      normalised, at: [Site(.gate, layer: layer), Site(.up, layer: layer)],
      through: [block.gate, block.up], in: pass)
    let gated = gatedUnit(gate: projected[0], up: projected[1], in: pass)
    let output = adapter.project(
      gated, at: [Site(.down, layer: layer)], through: [block.down], in: pass)[0]
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
}
