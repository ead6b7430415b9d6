import HoneFormats
import HoneTensors

/// OPT: learned positions from the third row of their table on, LayerNorm before or after a block's
/// halves, a feed-forward half without a gate.
///
/// Zhang et al. 2022, https://arxiv.org/abs/2205.01068; `modeling_opt.py` of transformers. llama.cpp
/// does not have it.
package enum OPT: Architecture {
  package static let name = "opt"
  package static let modelTypes = ["opt"]
  package static let ggufNames: [String] = []
  package static let models = "OPT"
  package static let fixtures = [
    FamilyFixture.withoutGGUF("opt"),
    FamilyFixture.withoutGGUF("opt-after"),
  ]
  package static let biasKeys: [(key: String, kinds: [Site.Kind])] = [
    ("enable_bias", [.query, .key, .value, .output, .up, .down])
  ]

  private static let keys = ConfigurationKeys(
    intermediateSize: "ffn_dim", normEpsilon: "layer_norm_eps",
    activation: "activation_function", usualNormEpsilon: 1e-5, usuallyTiesHead: true)

  package static func spec(config: Configuration) throws -> DecoderSpec {
    var spec = try config.spec(
      keys: keys, activations: [.relu, .gelu, .geluTanh, .silu], isRotary: false)
    if let width = try config.int("word_embed_proj_dim"), width != spec.hiddenSize {
      throw config.fault(
        "word_embed_proj_dim",
        """
        is \(width), and Hone runs networks whose embedding is as wide as their blocks, \
        \(spec.hiddenSize)
        """)
    }
    for (key, isUsual) in [
      ("layer_norm_elementwise_affine", true), ("_remove_final_layer_norm", false),
    ]
    where try config.bool(key) ?? isUsual != isUsual {
      throw config.fault(key, "is \(!isUsual), which Hone does not compute")
    }
    spec.norm = .layer
    spec.feedForward = .plain
    spec.normPlacement = try config.bool("do_layer_norm_before") ?? true ? .before : .afterAdding
    spec.positionOffset = 2
    spec.names = ModuleNames(
      embedding: "model.decoder.embed_tokens", positions: "model.decoder.embed_positions",
      blocks: "model.decoder.layers", finalNorm: "model.decoder.final_layer_norm",
      norms: [.attention: "self_attn_layer_norm", .feedForward: "final_layer_norm"])
    spec.names.projections[.output] = "self_attn.out_proj"
    spec.names.projections[.up] = "fc1"
    spec.names.projections[.down] = "fc2"
    return spec
  }

  package static func spec(gguf: GGUFConfiguration) throws -> DecoderSpec {
    throw ModelError(subject: gguf.file, problem: "OPT has no form in GGUF")
  }

  package static func config(of spec: DecoderSpec, file: String) throws -> JSONObject {
    throw ModelError(subject: file, problem: "OPT has no form in GGUF")
  }
}
