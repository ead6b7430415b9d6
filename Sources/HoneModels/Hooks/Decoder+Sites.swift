import HoneTensors

extension DecoderSpec {
  /// All places where a method may act, in the network's order.
  package var sites: [Site] {
    let kinds = Site.Kind.allCases.filter { $0 != .embedding && $0 != .head }
    return [Site(.embedding)]
      + (0..<layerCount).flatMap { layer in kinds.map { Site($0, layer: layer) } }
      + [Site(.head)]
  }

  /// The rows and columns of a site's weight.
  package func size(of site: Site) -> (outputs: Int, inputs: Int) {
    switch site.kind {
    case .query: (queryWidth, hiddenSize)
    case .key, .value: (keyValueWidth, hiddenSize)
    case .output: (hiddenSize, queryWidth)
    case .gate, .up: (intermediateSize, hiddenSize)
    case .down: (hiddenSize, intermediateSize)
    case .embedding, .head: (vocabularySize, hiddenSize)
    }
  }
}

extension Decoder {
  /// The base's projection at a site; the embedding's table as one.
  package func projection(at site: Site) -> Projection {
    guard let layer = site.layer else {
      return site.kind == .head ? head : Projection(weight: embedding)
    }
    let block = blocks[layer]
    return switch site.kind {
    case .query: block.query
    case .key: block.key
    case .value: block.value
    case .output: block.output
    case .gate: block.gate
    case .up: block.up
    case .down: block.down
    case .embedding, .head: preconditionFailure("\(site.kind) is in no block")
    }
  }

  /// The base's vector of one of ``DecoderSpec/vectorNames``.
  package func vector(named name: String) -> Tensor {
    if name == DecoderSpec.finalNormName { return finalNorm }
    for (layer, block) in blocks.enumerated() {
      for (site, weight) in block.norms where spec.normName(site, layer: layer) == name {
        return weight
      }
    }
    preconditionFailure("there is no vector \(name)")
  }
}
