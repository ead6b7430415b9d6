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

  // The norms' names in a Hugging Face folder.
  package static let finalNormName = "model.norm.weight"

  package static func attentionNormName(layer: Int) -> String {
    "model.layers.\(layer).input_layernorm.weight"
  }

  package static func feedForwardNormName(layer: Int) -> String {
    "model.layers.\(layer).post_attention_layernorm.weight"
  }

  /// The names of all vectors that ``Adapter/vector(_:named:in:)`` is asked for.
  package var vectorNames: [String] {
    (0..<layerCount).flatMap {
      [Self.attentionNormName(layer: $0), Self.feedForwardNormName(layer: $0)]
    } + [Self.finalNormName]
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
      if name == DecoderSpec.attentionNormName(layer: layer) { return block.attentionNorm }
      if name == DecoderSpec.feedForwardNormName(layer: layer) { return block.feedForwardNorm }
    }
    preconditionFailure("there is no vector \(name)")
  }
}
