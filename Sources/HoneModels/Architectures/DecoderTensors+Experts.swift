import HoneTensors

/// Halves of blocks that not every family has.
extension DecoderTensors {
  /// The experts of a block. A folder keeps the matrices of each by themselves, a GGUF those of all in
  /// one tensor; either way they stay as they are stored.
  func experts(_ layer: Int) -> Decoder.Experts? {
    guard let rule = spec.experts else { return nil }
    let router = module(.router, layer)
    let matrices = DecoderSpec.expertKinds.map { expertMatrices($0, layer, count: rule.count) }
    let shared =
      rule.sharedSize == nil ? nil : feedForward([.sharedGate, .sharedUp], .sharedDown, layer)
    let sharedRouter = rule.sharedSize == nil ? nil : module(.sharedRouter, layer)
    guard let router, let gates = matrices[0], let ups = matrices[1], let downs = matrices[2]
    else { return nil }
    let all = (0..<rule.count).map {
      Decoder.FeedForward(inputs: [gates[$0], ups[$0]], down: downs[$0])
    }
    guard rule.sharedSize != nil else {
      return Decoder.Experts(router: router, all: all, shared: nil)
    }
    guard let shared, let sharedRouter else { return nil }
    return Decoder.Experts(router: router, all: all, shared: (shared, sharedRouter))
  }

  /// One of the projections of each expert.
  private func expertMatrices(
    _ kind: Site.Kind, _ layer: Int, count: Int
  ) -> [Decoder.Module]? {
    let sites = (0..<count).map { spec.site(kind, layer: layer, expert: $0) }
    let size = spec.size(of: sites[0])
    let weights: [Weight]
    if isGGUF {
      weights =
        source.projections(
          "blk.\(layer).\(Self.ggufNames[kind] ?? "").weight", count: count, rows: size.outputs,
          columns: size.inputs, engine: engine) ?? []
    } else {
      weights = sites.compactMap {
        source.projection(
          "\($0.path).weight", rows: size.outputs, columns: size.inputs, engine: engine)
      }
    }
    guard weights.count == count else { return nil }
    return zip(sites, weights).map {
      Decoder.Module(site: $0, projection: Projection(weight: $1))
    }
  }

  /// The short convolution of a block.
  func convolution(_ layer: Int) -> Decoder.ShortConvolution? {
    guard let rule = spec.convolution, let names = spec.convolutionNames(layer: layer) else {
      return nil
    }
    let hidden = spec.hiddenSize
    let input = module(.convolutionInput, layer)
    let output = module(.convolutionOutput, layer)
    let numbers = source.numbers(
      isGGUF ? "blk.\(layer).shortconv.conv.weight" : names.kernel,
      shape: isGGUF ? [hidden, rule.length] : [hidden, 1, rule.length])
    let bias = names.bias.flatMap { name in
      vector(name, count: hidden).map { Decoder.Vector(name: name, numbers: $0) }
    }
    guard let input, let output, let numbers, (bias != nil) == rule.hasBias else { return nil }
    let kernel = Decoder.Vector(
      name: names.kernel, numbers: engine.tensor([hidden, 1, rule.length], numbers))
    return Decoder.ShortConvolution(input: input, kernel: kernel, bias: bias, output: output)
  }
}
