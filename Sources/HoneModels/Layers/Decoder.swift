import HoneTensors

/// A decoder-only transformer with frozen weights.
public final class Decoder {
  public let spec: DecoderSpec
  package let embedding: Weight
  /// Learned positions, a row each, see ``DecoderSpec/positionOffset``.
  package let positions: Vector?
  package let blocks: [Block]
  package let finalNorm: Norm?
  package let head: Projection
  /// The numbers of all ``DecoderSpec/vectorNames``.
  let vectors: [String: Tensor]
  /// The projections of each block.
  let projections: [[Site: Projection]]
  /// The angles of each kind of layer; none for layers that turn nothing.
  private let rotaries: [RotaryTable]
  /// Which of them a layer's are.
  private let rotaryOfLayer: [Int?]

  package init(
    spec: DecoderSpec, embedding: Weight, positions: Vector? = nil, blocks: [Block],
    finalNorm: Norm?, head: Projection
  ) {
    self.spec = spec
    self.embedding = embedding
    self.positions = positions
    self.blocks = blocks
    self.finalNorm = finalNorm
    self.head = head
    let norms = blocks.flatMap(\.norms.values) + (finalNorm.map { [$0] } ?? [])
    let vectors =
      norms.flatMap(\.vectors) + blocks.flatMap(\.first.vectors) + (positions.map { [$0] } ?? [])
    self.vectors = Dictionary(uniqueKeysWithValues: vectors.map { ($0.name, $0.numbers) })
    projections = blocks.map { block in
      Dictionary(uniqueKeysWithValues: block.modules.map { ($0.site, $0.projection) })
    }
    var rules: [RotarySpec] = []
    rotaryOfLayer = (0..<spec.layerCount).map { layer in
      guard let rotary = spec.layer(layer).rotary else { return nil }
      if let found = rules.firstIndex(of: rotary) { return found }
      rules.append(rotary)
      return rules.count - 1
    }
    rotaries = rules.map(RotaryTable.init)
  }

  /// Bytes of all frozen matrices as they are stored.
  package var weightBytes: Int {
    let matrices = blocks.flatMap(\.modules).map(\.projection.weight)
    return (matrices + [head.weight] + (spec.tiesHead ? [] : [embedding]))
      .reduce(0) { $0 + $1.byteCount }
  }

  /// Bytes of weights that one token needs when it is decoded alone.
  package var bytesReadPerToken: Int {
    blocks.reduce(head.weight.byteCount) { sum, block in
      // Of the experts, as many as a token goes to.
      let (experts, others) = (
        block.modules.filter { $0.site.expert != nil },
        block.modules.filter { $0.site.expert == nil }
      )
      func bytes(_ modules: [Module]) -> Int {
        modules.reduce(0) { $0 + $1.projection.weight.byteCount }
      }
      guard let rule = spec.experts, !experts.isEmpty else { return sum + bytes(others) }
      return sum + bytes(others) + bytes(experts) / rule.count * rule.choices
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
  struct Layout {
    let sequences: [TokenBatch.Sequence]
    /// The positions of each sequence's tokens.
    let positions: [Range<Int>]
    /// How long each sequence is or may become.
    let lengths: [Int]
    let spans: [AttentionSpan]

    init(_ sequences: [TokenBatch.Sequence], after prefixCount: Int, cache: KeyValueCache?) {
      self.sequences = sequences
      positions = sequences.map { sequence in
        let start = prefixCount + sequence.position
        return start..<start + sequence.rows.count
      }
      if let cache {
        lengths = Array(
          repeating: cache.prefixCapacity + cache.sequenceCapacity, count: sequences.count)
      } else if sequences.contains(where: { !$0.after.isEmpty }) {
        // A beginning is turned as what goes on from it.
        lengths = Array(
          repeating: positions.map(\.upperBound).max() ?? 0, count: sequences.count)
      } else {
        lengths = positions.map(\.upperBound)
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
    let angles = rotaries.map { table in
      let rows = table.rows(layout.positions, lengths: layout.lengths)
      return RotaryAngles(
        positions: rows, cosines: table.cosines, sines: table.sines, pairCount: table.pairCount,
        headDimension: spec.headDimension)
    }
    var stream = placed(stream, at: layout.positions, adapter: adapter, in: pass)
    for (layer, block) in blocks.enumerated() {
      let place = Place(
        layer: layer, layout: layout, angles: rotaryOfLayer[layer].map { angles[$0] },
        prefix: prefixes.isEmpty ? nil : prefixes[layer], cache: cache)
      func run(_ stream: Tensor, in pass: Pass) -> Tensor {
        self.run(stream, through: block, at: place, adapter: adapter, in: pass)
      }
      stream = pass.recomputesBlocks ? recomputed(stream, in: pass, run) : run(stream, in: pass)
    }
    cache?.advance(layout.sequences)
    return stream
  }

  /// Adds learned positions, where the network has some.
  private func placed(
    _ stream: Tensor, at places: [Range<Int>], adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    guard let positions, let offset = spec.positionOffset else { return stream }
    let table = adapter.vector(positions.numbers, named: positions.name, in: pass)
    let rows = gathered(
      places.flatMap { $0.map { Int32($0 + offset) } }, from: table, in: pass)
    return added(stream, rows, in: pass)
  }

  private func finished(_ stream: Tensor, adapter: some Adapter, in pass: Pass) -> Tensor {
    normalized(stream, by: finalNorm, adapter: adapter, in: pass)
  }
}
