import HoneFormats
import HoneTensors

/// Llama and the models built like it: Llama 2 and 3, SmolLM 1 and 2, Mistral without a window.
///
/// Touvron et al. 2023; `modeling_llama.py` of transformers; `llama` in llama.cpp.
package enum Llama: Architecture {
  package static let name = "llama"
  package static let modelTypes = ["llama", "mistral"]
  package static let ggufNames = ["llama"]

  package static func spec(config: Configuration) throws -> DecoderSpec {
    let hidden = try config.require("hidden_size", config.int)
    let heads = try config.require("num_attention_heads", config.int)
    let dimension = try config.int("head_dim") ?? hidden / heads
    if let activation = try config.string("hidden_act"), activation != "silu" {
      throw config.fault("hidden_act", "is '\(activation)', and this family computes 'silu'")
    }
    return try checked(
      DecoderSpec(
        vocabularySize: config.require("vocab_size", config.int),
        hiddenSize: hidden,
        intermediateSize: config.require("intermediate_size", config.int),
        layerCount: config.require("num_hidden_layers", config.int),
        headCount: heads,
        keyValueHeadCount: config.int("num_key_value_heads") ?? heads,
        headDimension: dimension,
        normEpsilon: config.require("rms_norm_eps", config.float),
        contextLength: config.require("max_position_embeddings", config.int),
        rotary: rotary(config: config, dimension: dimension),
        tiesHead: config.bool("tie_word_embeddings") ?? false,
        window: config.int("sliding_window")),
      file: config.file)
  }

  /// The rotary section, in the spelling of transformers 4 (`rope_theta`, `rope_scaling`) or 5
  /// (`rope_parameters`).
  private static func rotary(config: Configuration, dimension: Int) throws -> RotarySpec {
    let parameters = try config.object("rope_parameters") ?? config.object("rope_scaling")
    let base = try parameters?.float("rope_theta") ?? config.float("rope_theta") ?? 10_000
    var rotary = RotarySpec(base: base, dimension: dimension)
    guard let parameters else { return rotary }
    let kind = try parameters.string("rope_type") ?? parameters.string("type") ?? "default"
    switch kind {
    case "default": break
    case "linear":
      rotary.scaling = .linear(factor: try parameters.require("factor", parameters.float))
    case "llama3":
      rotary.scaling = .llama3(
        factor: try parameters.require("factor", parameters.float),
        lowFrequencyFactor: try parameters.require("low_freq_factor", parameters.float),
        highFrequencyFactor: try parameters.require("high_freq_factor", parameters.float),
        originalContext: try parameters.require(
          "original_max_position_embeddings", parameters.int))
    default:
      throw parameters.fault(
        "rope_type", "is '\(kind)', and Hone knows 'default', 'linear' and 'llama3' here")
    }
    return rotary
  }

  package static func spec(gguf: GGUFMetadata, source: WeightSource) throws -> DecoderSpec {
    func count(_ key: String) throws -> Int {
      let value = try gguf.requireUInt(key)
      guard (1..<1 << 31).contains(value) else {
        throw ModelError(
          subject: source.file, place: key, problem: "is \(value), expected from 1 to 2^31")
      }
      return value
    }
    let hidden = try count("llama.embedding_length")
    let heads = try count("llama.attention.head_count")
    let dimension = try gguf.uint("llama.attention.key_length") ?? hidden / heads
    let vocabulary =
      try gguf.uint("llama.vocab_size") ?? gguf.requireStringArray("tokenizer.ggml.tokens").count
    var rotary = RotarySpec(
      base: Float(try gguf.float("llama.rope.freq_base") ?? 10_000),
      dimension: try gguf.uint("llama.rope.dimension_count") ?? dimension)
    if let kind = try gguf.string("llama.rope.scaling.type"), kind != "none" {
      guard kind == "linear" else {
        throw ModelError(
          subject: source.file, place: "llama.rope.scaling.type",
          problem: "is '\(kind)', and Hone knows 'none' and 'linear' here")
      }
      rotary.scaling = .linear(
        factor: Float(try gguf.requireFloat("llama.rope.scaling.factor")))
    } else if source.has("rope_freqs.weight"),
      let factors = source.numbers("rope_freqs.weight", count: rotary.dimension / 2)
    {
      rotary.scaling = .factors(factors)
    }
    return try checked(
      DecoderSpec(
        vocabularySize: vocabulary, hiddenSize: hidden,
        intermediateSize: count("llama.feed_forward_length"),
        layerCount: count("llama.block_count"), headCount: heads,
        keyValueHeadCount: try gguf.uint("llama.attention.head_count_kv") ?? heads,
        headDimension: dimension,
        normEpsilon: Float(try gguf.requireFloat("llama.attention.layer_norm_rms_epsilon")),
        contextLength: count("llama.context_length"), rotary: rotary,
        tiesHead: !source.has("output.weight"),
        window: gguf.uint("llama.attention.sliding_window")),
      file: source.file)
  }

  private static func checked(_ spec: DecoderSpec, file: String) throws -> DecoderSpec {
    func fail(_ problem: String) -> ModelError { ModelError(subject: file, problem: problem) }
    guard spec.keyValueHeadCount > 0, spec.headCount % spec.keyValueHeadCount == 0 else {
      throw fail("\(spec.headCount) heads cannot share \(spec.keyValueHeadCount) key heads")
    }
    guard (2...1024).contains(spec.headDimension), spec.headDimension % 2 == 0 else {
      throw fail("a head of \(spec.headDimension) numbers; expected an even number up to 1024")
    }
    guard spec.rotary.dimension == spec.headDimension else {
      throw fail("only \(spec.rotary.dimension) of \(spec.headDimension) numbers of a head turn")
    }
    guard spec.normEpsilon > 0, spec.normEpsilon < 1 else {
      throw fail("a norm epsilon of \(spec.normEpsilon)")
    }
    return spec
  }

  package static func decoder(spec: DecoderSpec, folder source: WeightSource, engine: Engine)
    throws -> Decoder
  {
    let names = TensorNames(
      embedding: "model.embed_tokens.weight", finalNorm: "model.norm.weight",
      head: "lm_head.weight", block: { "model.layers.\($0)." },
      attentionNorm: "input_layernorm", query: "self_attn.q_proj", key: "self_attn.k_proj",
      value: "self_attn.v_proj", output: "self_attn.o_proj",
      feedForwardNorm: "post_attention_layernorm", gate: "mlp.gate_proj", up: "mlp.up_proj",
      down: "mlp.down_proj")
    for layer in 0..<spec.layerCount {
      source.ignore("model.layers.\(layer).self_attn.rotary_emb.inv_freq")
    }
    return try decoder(spec: spec, names: names, source: source, engine: engine) { _ in nil }
  }

  package static func decoder(spec: DecoderSpec, gguf source: WeightSource, engine: Engine) throws
    -> Decoder
  {
    let names = TensorNames(
      embedding: "token_embd.weight", finalNorm: "output_norm.weight", head: "output.weight",
      block: { "blk.\($0)." }, attentionNorm: "attn_norm", query: "attn_q", key: "attn_k",
      value: "attn_v", output: "attn_output", feedForwardNorm: "ffn_norm", gate: "ffn_gate",
      up: "ffn_up", down: "ffn_down")
    // llama.cpp turns neighbouring numbers of a head, so its converter interleaves the two halves
    // of each query and key head; Hone keeps Hugging Face's order.
    return try decoder(spec: spec, names: names, source: source, engine: engine) { kind in
      switch kind {
      case .query: halvesOrder(heads: spec.headCount, spec: spec)
      case .key: halvesOrder(heads: spec.keyValueHeadCount, spec: spec)
      default: nil
      }
    }
  }

  /// Where in an interleaved matrix each row of the halved one stands.
  private static func halvesOrder(heads: Int, spec: DecoderSpec) -> [Int] {
    let dimension = spec.headDimension
    return (0..<heads * dimension).map { row in
      let (head, place) = (row / dimension, row % dimension)
      let (half, pair) = (place / (dimension / 2), place % (dimension / 2))
      return head * dimension + 2 * pair + half
    }
  }
}

/// How a file calls the tensors of a block.
private struct TensorNames {
  var embedding, finalNorm, head: String
  var block: (Int) -> String
  var attentionNorm, query, key, value, output, feedForwardNorm, gate, up, down: String
}

extension Llama {
  private static func decoder(
    spec: DecoderSpec, names: TensorNames, source: WeightSource, engine: Engine,
    rowOrder: (Site.Kind) -> [Int]?
  ) throws -> Decoder {
    func projection(_ name: String, _ kind: Site.Kind, _ rows: Int, _ columns: Int) -> Projection? {
      let weight = source.projection(
        "\(name).weight", rows: rows, columns: columns, engine: engine)
      var bias = source.has("\(name).bias") ? source.numbers("\(name).bias", count: rows) : nil
      guard let order = rowOrder(kind) else {
        return weight.map {
          Projection(weight: $0, bias: bias.map { engine.tensor([rows], $0) })
        }
      }
      bias = bias.map { bias in order.map { bias[$0] } }
      return weight.map {
        Projection(
          weight: $0.permutingRows(order), bias: bias.map { engine.tensor([rows], $0) })
      }
    }
    func norm(_ name: String) -> Tensor? {
      source.vector("\(name).weight", count: spec.hiddenSize, engine: engine)
    }
    let (hidden, inner) = (spec.hiddenSize, spec.intermediateSize)
    let embedding = source.matrix(names.embedding, rows: spec.vocabularySize, columns: hidden)
    let finalNorm = source.vector(names.finalNorm, count: hidden, engine: engine)
    let blocks: [Decoder.Block?] = (0..<spec.layerCount).map { layer in
      let prefix = names.block(layer)
      let attentionNorm = norm(prefix + names.attentionNorm)
      let query = projection(prefix + names.query, .query, spec.queryWidth, hidden)
      let key = projection(prefix + names.key, .key, spec.keyValueWidth, hidden)
      let value = projection(prefix + names.value, .value, spec.keyValueWidth, hidden)
      let output = projection(prefix + names.output, .output, hidden, spec.queryWidth)
      let feedForwardNorm = norm(prefix + names.feedForwardNorm)
      let gate = projection(prefix + names.gate, .gate, inner, hidden)
      let up = projection(prefix + names.up, .up, inner, hidden)
      let down = projection(prefix + names.down, .down, hidden, inner)
      guard let attentionNorm, let query, let key, let value, let output, let feedForwardNorm,
        let gate, let up, let down
      else { return nil }
      return Decoder.Block(
        attentionNorm: attentionNorm, query: query, key: key, value: value, output: output,
        feedForwardNorm: feedForwardNorm, gate: gate, up: up, down: down)
    }
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
}
