/// How a family's folder in Hugging Face layout calls the parts of its network; Llama's names unless
/// the family's file says otherwise.
package struct ModuleNames: Sendable, Equatable {
  package var embedding = "model.embed_tokens"
  /// The table of learned positions, where there is one.
  package var positions = "model.embed_positions"
  /// The list of blocks; a block's number follows.
  package var blocks = "model.layers"
  package var finalNorm = "model.norm"
  package var head = "lm_head"
  /// What files call the head's module where it is not as adapters do.
  package var storedHead: String?
  /// The projections of a block, without the block's name.
  package var projections: [Site.Kind: String] = [
    .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
    .queryKeyValue: "self_attn.qkv_proj", .output: "self_attn.o_proj", .gate: "mlp.gate_proj",
    .up: "mlp.up_proj", .gateUp: "mlp.gate_up_proj", .down: "mlp.down_proj",
    .router: "mlp.gate", .sharedRouter: "mlp.shared_expert_gate",
    .sharedGate: "mlp.shared_expert.gate_proj", .sharedUp: "mlp.shared_expert.up_proj",
    .sharedDown: "mlp.shared_expert.down_proj", .expertGate: "gate_proj", .expertUp: "up_proj",
    .expertDown: "down_proj", .convolutionInput: "conv.in_proj",
    .convolutionOutput: "conv.out_proj",
  ]
  /// The list of a block's experts, without the block's name; an expert's number follows, then its
  /// projections' names.
  package var experts = "mlp.experts"
  /// The module of a short convolution, without the block's name.
  package var convolution = "conv.conv"
  /// The norms of a block, without the block's name.
  package var norms: [NormSite: String] = [
    .attention: "input_layernorm", .query: "self_attn.q_norm", .key: "self_attn.k_norm",
    .feedForward: "post_attention_layernorm",
  ]

  /// Whether the projections of blocks are kept as inputs by outputs, not outputs by inputs.
  package var storesInputsFirst = false

  /// The beginning of a block's names, with the point.
  package func block(_ layer: Int) -> String { "\(blocks).\(layer)." }
}

/// The norms of a decoder block.
package enum NormSite: CaseIterable, Sendable {
  case attention, query, key, attentionOutput, feedForward, feedForwardOutput
}

extension DecoderSpec {
  /// A place in this network, called as its family calls it.
  package func site(_ kind: Site.Kind, layer: Int? = nil, expert: Int? = nil) -> Site {
    let name =
      (expert.map { "\(names.experts).\($0)." } ?? "") + (names.projections[kind] ?? "\(kind)")
    let path =
      switch (kind, layer) {
      case (.embedding, _): names.embedding
      case (.head, _): names.head
      case (_, let layer?): names.block(layer) + name
      case (_, nil): name
      }
    return Site(kind, layer: layer, expert: expert, path: path)
  }

  /// What a folder's tensors of a projection begin with.
  package func storedPath(_ site: Site) -> String {
    site.kind == .head ? names.storedHead ?? site.path : site.path
  }

  /// What a kind of projection is called in a list of names: the last part of its path, with the part
  /// before where another kind ends the same.
  package func listName(_ kind: Site.Kind) -> String {
    let name = site(kind, layer: 0).name
    let isShared = blockKinds.contains { $0 != kind && site($0, layer: 0).name == name }
    return isShared ? names.projections[kind] ?? name : name
  }

  /// Whether a block has such a norm.
  package func hasNorm(_ site: NormSite) -> Bool {
    switch site {
    case .attention: normPlacement != .after
    case .feedForward: normPlacement != .after && residual != .parallelSharingNorm
    case .attentionOutput, .feedForwardOutput: [.after, .around].contains(normPlacement)
    case .query, .key: queryKeyNorm != .none
    }
  }

  /// The paths of a norm's modules: none where the network has none there, one a head where each head
  /// has weights of its own.
  package func normPaths(_ site: NormSite, layer: Int) -> [String] {
    guard hasNorm(site), let name = names.norms[site] else { return [] }
    if self.layer(layer).convolves && (site == .query || site == .key) { return [] }
    let path = names.block(layer) + name
    guard queryKeyNorm == .eachHead, site == .query || site == .key else { return [path] }
    let heads = site == .query ? headCount : keyValueHeadCount
    return (0..<heads).map { "\(path).norms.\($0)" }
  }

  /// How many numbers the weights of one of a norm's modules are.
  package func normSize(_ site: NormSite) -> Int {
    switch (site, queryKeyNorm) {
    case (.query, .whole): queryWidth
    case (.key, .whole): keyValueWidth
    case (.query, _), (.key, _): headDimension
    default: hiddenSize
    }
  }

  /// Whether a norm has biases.
  package func hasNormBias(_ site: NormSite) -> Bool {
    norm == .layer && site != .query && site != .key
  }

  /// Whether what leaves the last block is normalised.
  package var hasFinalNorm: Bool { normPlacement != .afterAdding }

  /// The names of all norms' weights and biases.
  package var normNames: [String] {
    func tensors(_ path: String, _ hasBias: Bool) -> [String] {
      ["\(path).weight"] + (hasBias ? ["\(path).bias"] : [])
    }
    return (0..<layerCount).flatMap { layer in
      NormSite.allCases.flatMap { site in
        normPaths(site, layer: layer).flatMap { tensors($0, hasNormBias(site)) }
      }
    } + (hasFinalNorm ? tensors(names.finalNorm, norm == .layer) : [])
  }

  /// The name of the table of learned positions; nil where there is none.
  package var positionsName: String? {
    positionOffset == nil ? nil : "\(names.positions).weight"
  }

  /// The names of a block's convolution's numbers; none where it has no convolution.
  package func convolutionNames(layer: Int) -> (kernel: String, bias: String?)? {
    guard let convolution, self.layer(layer).convolves else { return nil }
    let path = names.block(layer) + names.convolution
    return ("\(path).weight", convolution.hasBias ? "\(path).bias" : nil)
  }

  /// The names of all that ``Adapter/vector(_:named:in:)`` is asked for: norms, convolutions, and the
  /// table of learned positions.
  package var vectorNames: [String] {
    let convolutions = (0..<layerCount).compactMap(convolutionNames).flatMap {
      [$0.kernel] + ($0.bias.map { [$0] } ?? [])
    }
    return normNames + convolutions + (positionsName.map { [$0] } ?? [])
  }
}
