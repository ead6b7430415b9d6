import HoneTensors

extension DecoderSpec {
  /// All places where a method may act, in the network's order.
  package var sites: [Site] {
    [site(.embedding)]
      + (0..<layerCount).flatMap(sites) + [site(.head)]
  }

  /// The places of a block, in its order.
  package func sites(of layer: Int) -> [Site] {
    let first =
      self.layer(layer).convolves ? Self.convolutionKinds : attentionKinds + [.output]
    guard let experts, hasExperts(layer) else {
      return (first + feedForwardKinds + [.down]).map { site($0, layer: layer) }
    }
    return (first + [.router]).map { site($0, layer: layer) }
      + (0..<experts.count).flatMap { expert in
        Self.expertKinds.map { site($0, layer: layer, expert: expert) }
      } + sharedKinds.map { site($0, layer: layer) }
  }

  /// Embedding and head.
  package var ends: [Site] { [site(.embedding), site(.head)] }

  /// The projections that blocks have, all or some of them, in their order.
  package var blockKinds: [Site.Kind] {
    let layers = 0..<layerCount
    return (layers.contains { layer($0).convolves } ? Self.convolutionKinds : [])
      + (layers.contains { !layer($0).convolves } ? attentionKinds + [.output] : [])
      + (layers.contains { !hasExperts($0) } ? feedForwardKinds + [.down] : [])
      + (layers.contains(where: hasExperts) ? [.router] + Self.expertKinds + sharedKinds : [])
  }

  private static let convolutionKinds: [Site.Kind] = [.convolutionInput, .convolutionOutput]

  /// The projections of each expert.
  package static let expertKinds: [Site.Kind] = [.expertGate, .expertUp, .expertDown]

  /// The projections of the expert of all tokens.
  private var sharedKinds: [Site.Kind] {
    experts?.sharedSize == nil ? [] : [.sharedRouter, .sharedGate, .sharedUp, .sharedDown]
  }

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
    case .router: (experts?.count ?? 0, hiddenSize)
    case .expertGate, .expertUp: (experts?.intermediateSize ?? 0, hiddenSize)
    case .expertDown: (hiddenSize, experts?.intermediateSize ?? 0)
    case .sharedRouter: (1, hiddenSize)
    case .sharedGate, .sharedUp: (experts?.sharedSize ?? 0, hiddenSize)
    case .sharedDown: (hiddenSize, experts?.sharedSize ?? 0)
    case .convolutionInput: (3 * hiddenSize, hiddenSize)
    case .convolutionOutput: (hiddenSize, hiddenSize)
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
      if let projection = projections[layer][site] { return projection }
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
