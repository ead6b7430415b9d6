import HoneTensors

extension DecoderSpec {
  /// All places where a method may act, in the network's order.
  package var sites: [Site] {
    [site(.embedding)]
      + (0..<layerCount).flatMap { layer in
        blockKinds.map { site($0, layer: layer) }
      }
      + [site(.head)]
  }

  /// Embedding and head.
  package var ends: [Site] { [site(.embedding), site(.head)] }

  /// The projections of a block, in its order.
  package var blockKinds: [Site.Kind] { attentionKinds + [.output] + feedForwardKinds + [.down] }

  /// The projections that take a block's first half's input.
  package var attentionKinds: [Site.Kind] {
    queryKeyValue == .separate ? [.query, .key, .value] : [.queryKeyValue]
  }

  /// The projections that take a block's second half's input.
  package var feedForwardKinds: [Site.Kind] {
    switch feedForward {
    case .gated: [.gate, .up]
    case .fusedGated: [.gateUp]
    case .plain: [.up]
    }
  }

  /// The rows and columns of a site's weight.
  package func size(of site: Site) -> (outputs: Int, inputs: Int) {
    switch site.kind {
    case .query: (queryWidth, hiddenSize)
    case .key, .value: (keyValueWidth, hiddenSize)
    case .queryKeyValue: (queryWidth + 2 * keyValueWidth, hiddenSize)
    case .output: (hiddenSize, queryWidth)
    case .gate, .up: (intermediateSize, hiddenSize)
    case .gateUp: (2 * intermediateSize, hiddenSize)
    case .down: (hiddenSize, intermediateSize)
    case .embedding, .head: (vocabularySize, hiddenSize)
    }
  }
}

extension Decoder {
  /// The base's projection at a site; the embedding's table as one.
  package func projection(at site: Site) -> Projection {
    switch (site.kind, site.layer) {
    case (.embedding, _): return Projection(weight: embedding)
    case (.head, _): return head
    case (_, let layer?):
      if let module = blocks[layer].modules.first(where: { $0.site == site }) {
        return module.projection
      }
    case (_, nil): break
    }
    preconditionFailure("the network has no \(site)")
  }

  /// The base's numbers of one of ``DecoderSpec/vectorNames``.
  package func vector(named name: String) -> Tensor {
    guard let vector = vectors[name] else { preconditionFailure("there is no vector \(name)") }
    return vector
  }
}
