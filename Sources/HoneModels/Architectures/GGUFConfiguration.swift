import HoneFormats

/// What a GGUF file's metadata say of its network, the architecture's name left out of the keys.
package struct GGUFConfiguration {
  let metadata: GGUFMetadata
  let source: WeightSource
  private let architecture: String

  init(_ metadata: GGUFMetadata, source: WeightSource) throws {
    self.metadata = metadata
    self.source = source
    architecture = try metadata.requireString("general.architecture")
  }

  var file: String { source.file }

  func key(_ name: String) -> String { "\(architecture).\(name)" }

  /// A count from 1 on.
  func count(_ name: String) throws -> Int? {
    guard let value = try metadata.uint(key(name)) else { return nil }
    guard (1..<1 << 31).contains(value) else {
      throw fault(name, "is \(value), expected from 1 to 2^31")
    }
    return value
  }

  /// A count, where 0 says that there is none.
  func countOrNone(_ name: String) throws -> Int? {
    try metadata.uint(key(name)) == 0 ? nil : count(name)
  }

  func requireCount(_ name: String) throws -> Int {
    guard let value = try count(name) else { throw fault(name, "is missing") }
    return value
  }

  func float(_ name: String) throws -> Float? { try metadata.float(key(name)).map { Float($0) } }

  func requireFloat(_ name: String) throws -> Float {
    guard let value = try float(name) else { throw fault(name, "is missing") }
    return value
  }

  func string(_ name: String) throws -> String? { try metadata.string(key(name)) }

  func fault(_ name: String, _ problem: String) -> ModelError {
    ModelError(subject: file, place: key(name), problem: problem)
  }

  func bool(_ name: String) throws -> Bool? { try metadata.bool(key(name)) }

  /// What all families say in the same way.
  func spec(
    normEpsilon: String = "attention.layer_norm_rms_epsilon", isRotary: Bool = true,
    hasBlocksWithoutKeys: Bool = false
  ) throws -> DecoderSpec {
    let hidden = try requireCount("embedding_length")
    let heads = try requireCount("attention.head_count")
    let dimension = try count("attention.key_length") ?? hidden / heads
    let vocabulary =
      try count("vocab_size") ?? metadata.requireStringArray("tokenizer.ggml.tokens").count
    return try DecoderSpec(
      vocabularySize: vocabulary, hiddenSize: hidden,
      intermediateSize: requireCount("feed_forward_length"),
      layerCount: requireCount("block_count"), headCount: heads,
      keyValueHeadCount: hasBlocksWithoutKeys
        ? keyHeads().max() ?? heads : count("attention.head_count_kv") ?? heads,
      headDimension: dimension,
      normEpsilon: requireFloat(normEpsilon), contextLength: requireCount("context_length"),
      rotary: isRotary ? rotary(dimension: dimension) : nil,
      tiesHead: !source.has("output.weight"), window: countOrNone("attention.sliding_window"))
  }

  /// How many key heads each block has, 0 where it has no keys.
  func keyHeads() throws -> [Int] {
    let name = "attention.head_count_kv"
    let layers = try requireCount("block_count")
    guard let counts = try metadata.integers(key(name)), counts.count == layers else {
      throw fault(name, "is not a number for each of \(layers) blocks")
    }
    let largest = counts.max() ?? 0
    guard largest > 0, counts.allSatisfy({ $0 == 0 || $0 == largest }) else {
      throw fault(name, "differs from block to block: \(counts)")
    }
    return counts
  }

  private func rotary(dimension: Int) throws -> RotarySpec {
    var rotary = RotarySpec(
      base: try float("rope.freq_base") ?? 10_000,
      dimension: try count("rope.dimension_count") ?? dimension)
    switch try string("rope.scaling.type") {
    case nil, "none", "longrope":
      if let rule = try longRoPE(pairs: rotary.dimension / 2) {
        rotary.scaling = .longRoPE(rule)
      } else if source.has("rope_freqs.weight"),
        let factors = source.numbers("rope_freqs.weight", count: rotary.dimension / 2)
      {
        rotary.scaling = .factors(factors)
      }
    case "linear": rotary.scaling = .linear(factor: try requireFloat("rope.scaling.factor"))
    case "yarn":
      rotary.scaling = .yarn(
        RotarySpec.YaRN(
          factor: try requireFloat("rope.scaling.factor"),
          originalContext: try requireCount("rope.scaling.original_context_length"),
          fast: try float("rope.scaling.yarn_beta_fast") ?? 32,
          slow: try float("rope.scaling.yarn_beta_slow") ?? 1,
          magnitude: try float("rope.scaling.attn_factor")))
    case .some(let kind):
      throw fault(
        "rope.scaling.type",
        "is '\(kind)', and Hone knows 'none', 'linear', 'longrope' and 'yarn' here")
    }
    return rotary
  }

  /// Two tensors have the numbers that frequencies are divided by.
  private func longRoPE(pairs: Int) throws -> RotarySpec.LongRoPE? {
    guard source.has("rope_factors_long.weight") || source.has("rope_factors_short.weight") else {
      return nil
    }
    let original = try requireCount("rope.scaling.original_context_length")
    let factor = Float(try requireCount("context_length")) / Float(original)
    // Where one is missing, or of another size, the tensors' fault is told with all others.
    return RotarySpec.LongRoPE(
      short: source.numbers("rope_factors_short.weight", count: pairs) ?? [],
      long: source.numbers("rope_factors_long.weight", count: pairs) ?? [],
      originalContext: original,
      magnitude: try float("rope.scaling.attn_factor")
        ?? RotarySpec.LongRoPE.magnitude(factor: factor, originalContext: original))
  }
}
