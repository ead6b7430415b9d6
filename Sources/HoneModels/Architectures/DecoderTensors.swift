import HoneFormats
import HoneTensors

/// Puts a decoder together from a file's tensors.
struct DecoderTensors {
  let family: any Architecture.Type
  let spec: DecoderSpec
  let source: WeightSource
  let engine: Engine

  /// - Throws: all that is missing, has another shape, or belongs to no part of the network.
  func decoder(isGGUF: Bool) throws -> Decoder {
    try check()
    let names = isGGUF ? Names.gguf : Names.folder
    if !isGGUF {
      for layer in 0..<spec.layerCount {
        source.ignore("model.layers.\(layer).self_attn.rotary_emb.inv_freq")
      }
    }
    let hidden = spec.hiddenSize
    let embedding = source.matrix(names.embedding, rows: spec.vocabularySize, columns: hidden)
    let finalNorm = norm(names.finalNorm, count: hidden, isGGUF: isGGUF)
    let blocks = (0..<spec.layerCount).map { block($0, names, isGGUF: isGGUF) }
    let head: Weight?
    if spec.tiesHead {
      // Some files store the tied head a second time.
      source.ignore(names.head)
      head = embedding
    } else {
      head = source.matrix(names.head, rows: spec.vocabularySize, columns: hidden)
    }
    try source.finish()
    guard let embedding, let finalNorm, let head else {
      preconditionFailure("a tensor is missing without a fault")
    }
    return Decoder(
      spec: spec, embedding: embedding, blocks: blocks.compactMap { $0 }, finalNorm: finalNorm,
      head: Projection(weight: head))
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
    let turned = spec.rotary.dimension
    guard turned > 0, turned % 2 == 0, turned <= spec.headDimension else {
      throw fail("\(turned) of \(spec.headDimension) numbers of a head turn; expected an even part")
    }
    guard spec.normEpsilon > 0, spec.normEpsilon < 1 else {
      throw fail("a norm epsilon of \(spec.normEpsilon)")
    }
    guard spec.layers.isEmpty || spec.layers.count == spec.layerCount else {
      throw fail("\(spec.layers.count) kinds of layers for \(spec.layerCount) layers")
    }
  }

  private func block(_ layer: Int, _ names: Names, isGGUF: Bool) -> Decoder.Block? {
    let prefix = names.block(layer)
    var norms: [NormSite: Tensor] = [:]
    for site in NormSite.allCases {
      guard let path = spec.normName(site, layer: layer) else { continue }
      let name = isGGUF ? "\(prefix)\(family.ggufNormNames[site] ?? "").weight" : path
      norms[site] = norm(name, count: spec.normSize(site), isGGUF: isGGUF)
    }
    func projection(_ kind: Site.Kind) -> Projection? {
      let size = spec.size(of: Site(kind, layer: layer))
      let isInterleaved = isGGUF && family.interleavesHeadsInGGUF
      let heads: Int? =
        switch kind {
        case .query where isInterleaved: spec.headCount
        case .key where isInterleaved: spec.keyValueHeadCount
        default: nil
        }
      return self.projection(
        prefix + (names.projections[kind] ?? ""), rows: size.outputs, columns: size.inputs,
        needsBias: family.biasedKinds.contains(kind), order: heads.map(halvesOrder))
    }
    guard let query = projection(.query), let key = projection(.key),
      let value = projection(.value), let output = projection(.output),
      let gate = projection(.gate), let up = projection(.up), let down = projection(.down)
    else { return nil }
    return Decoder.Block(
      norms: norms, query: query, key: key, value: value, output: output, gate: gate, up: up,
      down: down)
  }

  private func projection(
    _ name: String, rows: Int, columns: Int, needsBias: Bool, order: [Int]?
  ) -> Projection? {
    let weight = source.projection("\(name).weight", rows: rows, columns: columns, engine: engine)
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

  private func norm(_ name: String, count: Int, isGGUF: Bool) -> Tensor? {
    // llama.cpp's converter adds the offset to the weights; Hone keeps Hugging Face's numbers.
    guard isGGUF, spec.normOffset != 0 else {
      return source.vector(name, count: count, engine: engine)
    }
    return source.numbers(name, count: count).map { numbers in
      engine.tensor([count], numbers.map { $0 - spec.normOffset })
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
}

/// How a kind of file calls the tensors.
private struct Names {
  var embedding, finalNorm, head: String
  var block: @Sendable (Int) -> String
  var projections: [Site.Kind: String]

  static let folder = Names(
    embedding: "model.embed_tokens.weight", finalNorm: DecoderSpec.finalNormName,
    head: "lm_head.weight", block: { "model.layers.\($0)." },
    projections: Dictionary(uniqueKeysWithValues: Site.Kind.allCases.map { ($0, $0.rawValue) }))

  static let gguf = Names(
    embedding: "token_embd.weight", finalNorm: "output_norm.weight", head: "output.weight",
    block: { "blk.\($0)." },
    projections: [
      .query: "attn_q", .key: "attn_k", .value: "attn_v", .output: "attn_output",
      .gate: "ffn_gate", .up: "ffn_up", .down: "ffn_down",
    ])
}
