import HoneTensors

extension Decoder {
  /// A projection at its site.
  package struct Module {
    package let site: Site
    package let projection: Projection
  }

  /// Numbers that are no projection's, under their tensor's name in a Hugging Face folder.
  package struct Vector {
    package let name: String
    package let numbers: Tensor
  }

  /// A norm: its weights, of all or a head each, and biases where it has them.
  package struct Norm {
    package let weights: [Vector]
    package let bias: Vector?

    var vectors: [Vector] { weights + (bias.map { [$0] } ?? []) }
  }

  /// What mixes tokens: queries, keys and values, each by itself or all by one projection, and the
  /// projection of what attention gave.
  package struct Attention {
    package let inputs: [Module]
    package let output: Module
  }

  /// What works on each token by itself: gate and up, in one or two, or up alone, and down.
  package struct FeedForward {
    package let inputs: [Module]
    package let down: Module

    package var modules: [Module] { inputs + [down] }
  }

  /// What mixes tokens.
  package enum FirstHalf {
    case attention(Attention)
    case convolution(ShortConvolution)

    package var modules: [Module] {
      switch self {
      case .attention(let attention): attention.inputs + [attention.output]
      case .convolution(let convolution): [convolution.input, convolution.output]
      }
    }

    var vectors: [Vector] {
      switch self {
      case .attention: []
      case .convolution(let convolution):
        [convolution.kernel] + (convolution.bias.map { [$0] } ?? [])
      }
    }
  }

  /// What works on each token by itself.
  package enum SecondHalf {
    case feedForward(FeedForward)
    case experts(Experts)

    package var modules: [Module] {
      switch self {
      case .feedForward(let feedForward): feedForward.modules
      case .experts(let experts): experts.modules
      }
    }
  }

  /// One block: two halves, each added to the residual stream.
  package struct Block {
    package let norms: [NormSite: Norm]
    package let first: FirstHalf
    package let second: SecondHalf

    /// All projections, in the block's order.
    package var modules: [Module] { first.modules + second.modules }
  }

  /// Where a block runs.
  struct Place {
    let layer: Int
    let layout: Layout
    /// How queries and keys are turned; nil for not at all.
    let angles: RotaryAngles?
    let prefix: (keys: Tensor, values: Tensor)?
    let cache: KeyValueCache?
  }

  /// Runs a block.
  func run(
    _ stream: Tensor, through block: Block, at place: Place, adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    func normalized(_ input: Tensor, _ site: NormSite) -> Tensor {
      self.normalized(input, by: block.norms[site], adapter: adapter, in: pass)
    }
    /// What a half is to be added to the stream as.
    func contribution(_ output: Tensor, _ sublayer: Sublayer, to stream: Tensor) -> Tensor {
      let transformed = adapter.transform(
        output, after: sublayer, layer: place.layer, residual: stream, in: pass)
      let output = normalized(
        transformed, sublayer == .attention ? .attentionOutput : .feedForwardOutput)
      return spec.residualScale == 1 ? output : scaled(output, by: spec.residualScale, in: pass)
    }
    func attention(_ input: Tensor) -> Tensor {
      switch block.first {
      case .attention(let attention):
        attend(input, through: attention, of: block, at: place, adapter: adapter, in: pass)
      case .convolution(let convolution):
        convolve(input, through: convolution, at: place, adapter: adapter, in: pass)
      }
    }
    // A block's output is known when it runs again, and only a norm after it reads it then.
    let isKnown =
      pass.isRerun && !adapter.readsOutputs && spec.normPlacement == .before
    func feedForward(_ input: Tensor) -> Tensor {
      switch block.second {
      case .feedForward(let half):
        feed(input, through: half, omitting: isKnown, adapter: adapter, in: pass)
      case .experts(let experts):
        feed(input, through: experts, adapter: adapter, in: pass)
      }
    }
    switch (spec.residual, spec.normPlacement) {
    case (.sequential, .afterAdding):
      let first = contribution(attention(stream), .attention, to: stream)
      let middle = normalized(added(stream, first, in: pass), .attention)
      let second = contribution(feedForward(middle), .feedForward, to: middle)
      return normalized(added(middle, second, in: pass), .feedForward)
    case (.sequential, _):
      let first = contribution(
        attention(normalized(stream, .attention)), .attention, to: stream)
      let middle = added(stream, first, in: pass)
      let second = contribution(
        feedForward(normalized(middle, .feedForward)), .feedForward, to: middle)
      return added(middle, second, in: pass)
    case (.parallel, _), (.parallelSharingNorm, _):
      let input = normalized(stream, .attention)
      let first = contribution(attention(input), .attention, to: stream)
      let second = contribution(
        feedForward(
          spec.residual == .parallel ? normalized(stream, .feedForward) : input),
        .feedForward, to: stream)
      return added(added(stream, first, in: pass), second, in: pass)
    }
  }

  /// Normalises where the network does; elsewhere what goes in comes out.
  func normalized(
    _ input: Tensor, by norm: Norm?, adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    guard let norm else { return input }
    func numbers(_ vector: Vector) -> Tensor {
      adapter.vector(vector.numbers, named: vector.name, in: pass)
    }
    let weights = norm.weights.map(numbers)
    let bias = norm.bias.map(numbers)
    if weights.count > 1 {
      let width = weights[0].shape.count
      let plain = normalized(
        input, weight: pass.engine.tensor([width], repeatElement(1, count: width)), bias: nil,
        in: pass)
      return weighted(plain, by: joined(weights, in: pass), in: pass)
    }
    return normalized(input, weight: weights[0], bias: bias, in: pass)
  }

  private func normalized(
    _ input: Tensor, weight: Tensor, bias: Tensor?, in pass: Pass
  ) -> Tensor {
    switch spec.norm {
    case .rms:
      rmsNormalized(
        input, weight: weight, offset: spec.normOffset, epsilon: spec.normEpsilon, in: pass)
    case .layer:
      layerNormalized(
        input, weight: weight, bias: bias, epsilon: spec.normEpsilon, in: pass)
    }
  }

  /// The outputs of modules that share an input.
  func projected(
    _ input: Tensor, through modules: [Module], adapter: some Adapter, in pass: Pass
  ) -> [Tensor] {
    guard pass.isReading else {
      return adapter.project(
        input, at: modules.map(\.site), through: modules.map(\.projection), in: pass)
    }
    // Of queries, keys and values the first are not kept.
    let passing = modules.prefix { !$0.site.kind.isKept }
    return [(passing, pass), (modules[passing.count...], pass.forKept())].flatMap {
      part, pass -> [Tensor] in
      guard !part.isEmpty else { return [] }
      return adapter.project(
        input, at: part.map(\.site), through: part.map(\.projection), in: pass)
    }
  }

  private func attend(
    _ input: Tensor, through attention: Attention, of block: Block, at place: Place,
    adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    var projected = projected(input, through: attention.inputs, adapter: adapter, in: pass)
    if projected.count == 1 {
      projected = parted(projected[0], into: spec.queryKeyValueColumns, in: pass)
    }
    func turned(_ rows: Tensor, _ site: NormSite) -> Tensor {
      let rows = normalized(rows, by: block.norms[site], adapter: adapter, in: pass)
      return place.angles.map { rotated(rows, $0, in: pass) } ?? rows
    }
    let (queries, keys) = (turned(projected[0], .query), turned(projected[1], .key))
    let shape = AttentionShape(
      headCount: spec.headCount, keyValueHeadCount: spec.keyValueHeadCount,
      headDimension: spec.headDimension,
      scale: spec.attentionScale ?? 1 / Float(spec.headDimension).squareRoot(),
      softCap: spec.attentionSoftCap, window: spec.layer(place.layer).window)
    let mixed: Tensor
    if let cache = place.cache {
      cache.store(
        keys: keys, values: projected[2], layer: place.layer, sequences: place.layout.sequences)
      mixed = attendedCached(
        queries, keys: cache.keys(place.layer), values: cache.values(place.layer),
        format: cache.format, spans: place.layout.spans, shape: shape, in: pass)
    } else {
      mixed = attended(
        queries, keys: keys, values: projected[2], prefix: place.prefix,
        spans: place.layout.spans, shape: shape, in: pass)
    }
    return self.projected(mixed, through: [attention.output], adapter: adapter, in: pass)[0]
  }

  func feed(
    _ input: Tensor, through feedForward: FeedForward, omitting isKnown: Bool,
    adapter: some Adapter, in pass: Pass
  ) -> Tensor {
    var inner = projected(input, through: feedForward.inputs, adapter: adapter, in: pass)
    if spec.feedForward == .fusedGated { inner = parted(inner[0], into: 2, in: pass) }
    let active =
      inner.count == 1
      ? activated(inner[0], by: spec.activation, in: pass)
      : gatedUnit(gate: inner[0], up: inner[1], activation: spec.activation, in: pass)
    return projected(
      active, through: [feedForward.down], adapter: adapter,
      in: isKnown ? pass.omittingOutputs() : pass)[0]
  }
}

extension DecoderSpec {
  /// Where queries, keys and values stand among the outputs of their one projection.
  var queryKeyValueColumns: [[Range<Int>]] {
    let (queries, keys) = (queryWidth, keyValueWidth)
    guard queryKeyValue == .byKeyHead else {
      return [
        [0..<queries], [queries..<queries + keys], [queries + keys..<queries + 2 * keys],
      ]
    }
    let (width, head) = (queries / keyValueHeadCount, headDimension)
    let starts = (0..<keyValueHeadCount).map { $0 * (width + 2 * head) }
    return [
      starts.map { $0..<$0 + width }, starts.map { $0 + width..<$0 + width + head },
      starts.map { $0 + width + head..<$0 + width + 2 * head },
    ]
  }
}
