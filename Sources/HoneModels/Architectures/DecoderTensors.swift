import HoneFormats
import HoneTensors

/// Puts a decoder together from a file's tensors.
struct DecoderTensors {
  let family: any Architecture.Type
  let spec: DecoderSpec
  let source: WeightSource
  let engine: Engine
  let isGGUF: Bool

  /// - Throws: all that is missing, has another shape, or belongs to no part of the network.
  func decoder() throws -> Decoder {
    try check()
    if !isGGUF {
      source.completeNames(as: spec.names)
      for layer in 0..<spec.layerCount {
        for name in family.ignoredNames { source.ignore(spec.names.block(layer) + name) }
      }
    }
    let hidden = spec.hiddenSize
    let embeddingName = isGGUF ? "token_embd.weight" : "\(spec.names.embedding).weight"
    let embedding = source.matrix(embeddingName, rows: spec.vocabularySize, columns: hidden)
    let positions = positions()
    let finalNorm = spec.hasFinalNorm ? finalNorm() : nil
    let blocks = (0..<spec.layerCount).map(block)
    let head = head(tiedTo: embedding)
    try source.finish()
    guard let embedding, let head, (finalNorm != nil) == spec.hasFinalNorm,
      (positions != nil) == (spec.positionOffset != nil)
    else {
      preconditionFailure("a tensor is missing without a fault")
    }
    return Decoder(
      spec: spec, embedding: embedding, positions: positions, blocks: blocks.compactMap { $0 },
      finalNorm: finalNorm, head: head)
  }

  /// Refuses sizes that no network can have.
  private func check() throws {
    func fail(_ problem: String) -> ModelError {
      ModelError(subject: source.file, problem: problem)
    }
    guard spec.keyValueHeadCount > 0, spec.headCount % spec.keyValueHeadCount == 0 else {
      throw fail("\(spec.headCount) heads cannot share \(spec.keyValueHeadCount) key heads")
    }
    guard (2...1024).contains(spec.headDimension), spec.headDimension % 2 == 0 else {
      throw fail("a head of \(spec.headDimension) numbers; expected an even number up to 1024")
    }
    if let turned = spec.rotary?.dimension {
      guard turned > 0, turned % 2 == 0, turned <= spec.headDimension else {
        throw fail(
          "\(turned) of \(spec.headDimension) numbers of a head turn; expected an even part")
      }
    }
    guard spec.normEpsilon > 0, spec.normEpsilon < 1 else {
      throw fail("a norm epsilon of \(spec.normEpsilon)")
    }
    if let experts = spec.experts {
      guard (1...experts.count).contains(experts.choices) else {
        throw fail("\(experts.choices) of \(experts.count) experts for each token")
      }
    }
    if let convolution = spec.convolution {
      guard (1...64).contains(convolution.length) else {
        throw fail("a convolution over \(convolution.length) tokens; expected at most 64")
      }
    }
    guard spec.layers.isEmpty || spec.layers.count == spec.layerCount else {
      throw fail("\(spec.layers.count) kinds of layers for \(spec.layerCount) layers")
    }
  }

  // MARK: Ends

  private func positions() -> Decoder.Vector? {
    guard let offset = spec.positionOffset, let name = spec.positionsName else { return nil }
    let rows = spec.contextLength + offset
    let stored = isGGUF ? "position_embd.weight" : name
    return source.matrix(stored, rows: rows, columns: spec.hiddenSize).map { table in
      Decoder.Vector(name: name, numbers: engine.tensor([rows, spec.hiddenSize], table.values))
    }
  }

  private func finalNorm() -> Decoder.Norm? {
    // What llama.cpp calls LFM2's.
    let gguf = source.has("token_embd_norm.weight") ? "token_embd_norm" : "output_norm"
    return norm(
      at: [spec.names.finalNorm], stored: isGGUF ? gguf : spec.names.finalNorm,
      count: spec.hiddenSize, hasBias: spec.norm == .layer)
  }

  private func head(tiedTo embedding: Weight?) -> Projection? {
    let path = spec.storedPath(spec.site(.head))
    let name = isGGUF ? "output" : source.has("\(path).weight") ? path : spec.names.head
    guard spec.tiesHead else {
      return projection(
        name, rows: spec.vocabularySize, columns: spec.hiddenSize, isBlockPart: false)
    }
    // Some files store the tied head a second time.
    source.ignore("\(name).weight")
    return embedding.map { Projection(weight: $0) }
  }

  // MARK: Blocks

  private func block(_ layer: Int) -> Decoder.Block? {
    let prefix = isGGUF ? "blk.\(layer)." : spec.names.block(layer)
    var norms: [NormSite: Decoder.Norm] = [:]
    for site in NormSite.allCases where spec.hasNorm(site) {
      let name = (isGGUF ? family.ggufNormNames(of: spec)[site] : spec.names.norms[site]) ?? ""
      norms[site] = norm(
        at: spec.normPaths(site, layer: layer), stored: prefix + name,
        count: spec.normSize(site), hasBias: spec.hasNormBias(site),
        isByHead: spec.queryKeyNorm == .eachHead && (site == .query || site == .key))
    }
    let first =
      spec.layer(layer).convolves
      ? convolution(layer).map { Decoder.FirstHalf.convolution($0) }
      : attention(layer).map { Decoder.FirstHalf.attention($0) }
    let second =
      spec.hasExperts(layer)
      ? experts(layer).map { Decoder.SecondHalf.experts($0) }
      : feedForward(spec.feedForwardKinds, .down, layer).map {
        Decoder.SecondHalf.feedForward($0)
      }
    guard let first, let second else { return nil }
    return Decoder.Block(norms: norms, first: first, second: second)
  }

  /// A projection of a block, as llama.cpp and the family call it.
  func module(_ kind: Site.Kind, _ layer: Int) -> Decoder.Module? {
    let site = spec.site(kind, layer: layer)
    let size = spec.size(of: site)
    return projection(
      isGGUF ? "blk.\(layer).\(Self.ggufNames[kind] ?? "")" : site.path, rows: size.outputs,
      columns: size.inputs, needsBias: family.biasedKinds.contains(kind),
      order: isGGUF ? rowOrder(kind) : nil,
      isBlockPart: kind != .router && kind != .sharedRouter
    ).map { Decoder.Module(site: site, projection: $0) }
  }

  /// Asked for one and all, so that everything that is missing is told.
  private func modules(_ kinds: [Site.Kind], _ layer: Int) -> [Decoder.Module]? {
    let found = kinds.compactMap { module($0, layer) }
    return found.count == kinds.count ? found : nil
  }

  private func attention(_ layer: Int) -> Decoder.Attention? {
    let inputs = modules(spec.attentionKinds, layer)
    guard let output = module(.output, layer), let inputs else { return nil }
    return Decoder.Attention(inputs: inputs, output: output)
  }

  func feedForward(
    _ inputs: [Site.Kind], _ down: Site.Kind, _ layer: Int
  ) -> Decoder.FeedForward? {
    let inputs = modules(inputs, layer)
    guard let down = module(down, layer), let inputs else { return nil }
    return Decoder.FeedForward(inputs: inputs, down: down)
  }

  /// llama.cpp's names of projections, without the block's.
  static let ggufNames: [Site.Kind: String] = [
    .query: "attn_q", .key: "attn_k", .value: "attn_v", .queryKeyValue: "attn_qkv",
    .output: "attn_output", .gate: "ffn_gate", .up: "ffn_up", .gateUp: "ffn_up",
    .down: "ffn_down", .router: "ffn_gate_inp", .sharedRouter: "ffn_gate_inp_shexp",
    .sharedGate: "ffn_gate_shexp", .sharedUp: "ffn_up_shexp", .sharedDown: "ffn_down_shexp",
    .expertGate: "ffn_gate_exps", .expertUp: "ffn_up_exps", .expertDown: "ffn_down_exps",
    .convolutionInput: "shortconv.in_proj", .convolutionOutput: "shortconv.out_proj",
  ]

  private func projection(
    _ name: String, rows: Int, columns: Int, needsBias: Bool = false, order: [Int]? = nil,
    isBlockPart: Bool = true
  ) -> Projection? {
    let weight =
      if !isBlockPart {
        source.matrix("\(name).weight", rows: rows, columns: columns)
      } else if spec.names.storesInputsFirst && !isGGUF {
        source.transposedProjection(
          "\(name).weight", rows: rows, columns: columns, engine: engine)
      } else {
        source.projection("\(name).weight", rows: rows, columns: columns, engine: engine)
      }
    let hasBias = needsBias || source.has("\(name).bias")
    let bias = hasBias ? source.numbers("\(name).bias", count: rows) : nil
    guard let weight, bias != nil || !hasBias else { return nil }
    guard let order else {
      return Projection(weight: weight, bias: bias.map { engine.tensor([rows], $0) })
    }
    return Projection(
      weight: weight.permutingRows(order),
      bias: bias.map { bias in engine.tensor([rows], order.map { bias[$0] }) })
  }

  // MARK: Norms

  /// - Parameters:
  ///   - paths: of its modules, one or, by head, one a head.
  ///   - stored: the name of its tensors in the file; a GGUF keeps those of all heads as one.
  private func norm(
    at paths: [String], stored: String, count: Int, hasBias: Bool, isByHead: Bool = false
  ) -> Decoder.Norm? {
    var weights: [Decoder.Vector]
    if isGGUF && isByHead {
      guard let all = source.matrix("\(stored).weight", rows: paths.count, columns: count) else {
        return nil
      }
      let numbers = all.values
      weights = paths.enumerated().map { head, path in
        Decoder.Vector(
          name: "\(path).weight",
          numbers: engine.tensor([count], numbers[head * count..<(head + 1) * count]))
      }
    } else {
      weights = paths.compactMap { path in
        let name = isGGUF ? stored : path
        return vector("\(name).weight", count: count, offset: isGGUF ? spec.normOffset : 0).map {
          Decoder.Vector(name: "\(path).weight", numbers: $0)
        }
      }
    }
    guard weights.count == paths.count, let path = paths.first else { return nil }
    guard hasBias else { return Decoder.Norm(weights: weights, bias: nil) }
    return vector("\(isGGUF ? stored : path).bias", count: count).map {
      Decoder.Norm(weights: weights, bias: .init(name: "\(path).bias", numbers: $0))
    }
  }

  /// - Parameter offset: what llama.cpp's converter added; Hone keeps Hugging Face's numbers.
  func vector(_ name: String, count: Int, offset: Float = 0) -> Tensor? {
    guard offset != 0 else { return source.vector(name, count: count, engine: engine) }
    return source.numbers(name, count: count).map { numbers in
      engine.tensor([count], numbers.map { $0 - offset })
    }
  }
}

// MARK: - Order of rows

extension DecoderTensors {
  /// Where in a GGUF's matrix each row of Hugging Face's stands; nil for in the same place.
  private func rowOrder(_ kind: Site.Kind) -> [Int]? {
    switch kind {
    case .query where family.interleavesHeadsInGGUF: halvesOrder(heads: spec.headCount)
    case .key where family.interleavesHeadsInGGUF: halvesOrder(heads: spec.keyValueHeadCount)
    // llama.cpp's converter puts all queries first, then keys, then values.
    case .queryKeyValue where spec.queryKeyValue == .byKeyHead: stackedOrder
    default: nil
    }
  }

  /// Where in an interleaved matrix each row of the halved one stands.
  private func halvesOrder(heads: Int) -> [Int] {
    let dimension = spec.headDimension
    return (0..<heads * dimension).map { row in
      let (head, place) = (row / dimension, row % dimension)
      let (half, pair) = (place / (dimension / 2), place % (dimension / 2))
      return head * dimension + 2 * pair + half
    }
  }

  /// Where in a matrix of stacked queries, keys and values each row of one by key heads stands.
  private var stackedOrder: [Int] {
    let rows = spec.queryKeyValueColumns.flatMap { $0.flatMap { Array($0) } }
    var order = Array(repeating: 0, count: rows.count)
    for (place, row) in rows.enumerated() { order[row] = place }
    return order
  }
}
