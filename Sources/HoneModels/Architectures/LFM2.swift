import HoneFormats

/// LFM2: most blocks mix tokens by a short convolution, some by attention whose queries and keys are
/// normalised head by head.
///
/// Liquid AI 2025; `modeling_lfm2.py` of transformers; `lfm2` in llama.cpp.
package enum LFM2: Architecture {
  package static let name = "lfm2"
  package static let modelTypes = ["lfm2"]
  package static let ggufNames = ["lfm2"]
  package static let models = "LFM2"
  // llama.cpp has no biases of convolutions.
  package static let fixtures = [
    FamilyFixture("lfm2"),
    FamilyFixture.withoutGGUF("lfm2-biased"),
  ]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("conv_bias", [.convolutionInput, .convolutionOutput])
  ]

  private static var keys: ConfigurationKeys {
    var keys = ConfigurationKeys()
    keys.normEpsilon = "norm_eps"
    keys.usualRotaryBase = 1_000_000
    keys.usuallyTiesHead = true
    return keys
  }

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var keys = keys
    if config.has("block_ff_dim") { keys.intermediateSize = "block_ff_dim" }
    var spec = try config.spec(keys: keys)
    spec.intermediateSize = try config.adjusted(spec.intermediateSize)
    if let ties = try config.bool("tie_embedding") { spec.tiesHead = ties }
    spec.becomeLFM2(
      convolves: try config.convolvingLayers(spec.layerCount),
      .init(
        length: try config.int("conv_L_cache") ?? 3,
        hasBias: try config.bool("conv_bias") ?? false))
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    var spec = try gguf.spec(hasBlocksWithoutKeys: true)
    spec.becomeLFM2(
      convolves: try gguf.keyHeads().map { $0 == 0 },
      .init(length: try gguf.requireCount("shortconv.l_cache"), hasBias: false))
    return spec
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    var config = try spec.configuration(file: file, keys: keys)
    config["architectures"] = .array([.string("Lfm2ForCausalLM")])
    config["model_type"] = .string("lfm2")
    config["block_auto_adjust_ff_dim"] = .bool(false)
    config["conv_L_cache"] = spec.convolution.map { .integer($0.length) }
    config["conv_bias"] = .bool(spec.convolution?.hasBias ?? false)
    config["layer_types"] = .array(
      (0..<spec.layerCount).map {
        .string(spec.layer($0).convolves ? "conv" : "full_attention")
      })
    return config
  }
}

extension DecoderSpec {
  fileprivate mutating func becomeLFM2(convolves: [Bool], _ convolution: Convolution) {
    self.convolution = convolution
    queryKeyNorm = .heads
    layers = convolves.map { convolves in
      var layer = Layer(window: nil, rotary: rotary)
      layer.convolves = convolves
      return layer
    }
    names.finalNorm = "model.embedding_norm"
    names.norms[.attention] = "operator_norm"
    names.norms[.feedForward] = "ffn_norm"
    names.norms[.query] = "self_attn.q_layernorm"
    names.norms[.key] = "self_attn.k_layernorm"
    names.projections[.output] = "self_attn.out_proj"
    names.projections[.gate] = "feed_forward.w1"
    names.projections[.up] = "feed_forward.w3"
    names.projections[.down] = "feed_forward.w2"
  }
}

extension Configuration {
  /// The inner width that a network has whose configuration says another one: two thirds of it,
  /// rounded up.
  fileprivate func adjusted(_ size: Int) throws -> Int {
    guard try bool("block_auto_adjust_ff_dim") ?? true else { return size }
    var adjusted = 2 * size / 3
    if let factor = try float("block_ffn_dim_multiplier") {
      let multiple = try int("block_multiple_of") ?? 256
      adjusted = Int(Double(factor) * Double(adjusted))
      adjusted = (adjusted + multiple - 1) / multiple * multiple
    }
    return adjusted
  }

  /// `layer_types`, or `full_attn_idxs`.
  fileprivate func convolvingLayers(_ count: Int) throws -> [Bool] {
    guard let kinds = try strings("layer_types") else {
      guard let whole = try integers("full_attn_idxs") else {
        return Array(repeating: false, count: count)
      }
      guard whole.allSatisfy({ (0..<count).contains($0) }) else {
        throw fault("full_attn_idxs", "names a layer that there is not, of \(count)")
      }
      return (0..<count).map { !whole.contains($0) }
    }
    guard kinds.count == count else {
      throw fault("layer_types", "has \(kinds.count) entries for \(count) layers")
    }
    return try kinds.map { kind in
      switch kind {
      case "conv": true
      case "full_attention": false
      default:
        throw fault("layer_types", "has '\(kind)', and Hone knows 'conv' and 'full_attention'")
      }
    }
  }
}
