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

  /// What all families say in the same way.
  func spec() throws -> DecoderSpec {
    let hidden = try requireCount("embedding_length")
    let heads = try requireCount("attention.head_count")
    let dimension = try count("attention.key_length") ?? hidden / heads
    let vocabulary =
      try count("vocab_size") ?? metadata.requireStringArray("tokenizer.ggml.tokens").count
    return try DecoderSpec(
      vocabularySize: vocabulary, hiddenSize: hidden,
      intermediateSize: requireCount("feed_forward_length"),
      layerCount: requireCount("block_count"), headCount: heads,
      keyValueHeadCount: count("attention.head_count_kv") ?? heads, headDimension: dimension,
      normEpsilon: requireFloat("attention.layer_norm_rms_epsilon"),
      contextLength: requireCount("context_length"), rotary: rotary(dimension: dimension),
      tiesHead: !source.has("output.weight"), window: count("attention.sliding_window"))
  }

  private func rotary(dimension: Int) throws -> RotarySpec {
    var rotary = RotarySpec(
      base: try float("rope.freq_base") ?? 10_000,
      dimension: try count("rope.dimension_count") ?? dimension)
    switch try string("rope.scaling.type") {
    case nil, "none":
      if source.has("rope_freqs.weight"),
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
        "rope.scaling.type", "is '\(kind)', and Hone knows 'none', 'linear' and 'yarn' here")
    }
    return rotary
  }
}
