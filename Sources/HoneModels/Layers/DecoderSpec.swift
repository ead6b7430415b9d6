import HoneTensors

/// What a decoder looks like: the facts that a family's file reads out of a model's configuration.
///
/// A field is here only when more than one family needs it.
public struct DecoderSpec: Sendable, Equatable {
  public var vocabularySize: Int
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layerCount: Int
  public var headCount: Int
  public var keyValueHeadCount: Int
  public var headDimension: Int
  public var normEpsilon: Float
  /// The longest sequence that the model was trained for.
  public var contextLength: Int
  public var rotary: RotarySpec
  /// Whether the head is the embedding.
  public var tiesHead: Bool
  /// How many of its last keys a query sees, itself included; nil for all.
  public var window: Int?
  /// How layers that differ from each other do; empty where all are the same.
  public var layers: [Layer] = []

  public var normPlacement: NormPlacement = .before
  public var queryKeyNorm: QueryKeyNorm = .none
  /// Added to a norm's weights; Gemma stores them less one.
  public var normOffset: Float = 0
  /// What the gate goes through.
  public var activation: Activation = .silu
  /// What scores are multiplied by; nil for 1 / √(head dimension).
  public var attentionScale: Float?
  /// Scores and logits are bent to `cap · tanh(x / cap)`; 0 for not at all.
  public var attentionSoftCap: Float = 0
  public var logitSoftCap: Float = 0
  /// What embedded rows, the outputs of a block's halves and logits are multiplied by.
  public var embeddingScale: Float = 1
  public var residualScale: Float = 1
  public var logitScale: Float = 1

  /// What may differ from layer to layer.
  public struct Layer: Sendable, Equatable {
    /// As ``DecoderSpec/window``.
    public var window: Int?
    /// nil for keys and queries that are not turned.
    public var rotary: RotarySpec?

    public init(window: Int?, rotary: RotarySpec?) {
      self.window = window
      self.rotary = rotary
    }
  }

  /// Where a block's halves are normalised.
  public enum NormPlacement: Sendable {
    /// What goes in.
    case before
    /// What comes out, before it is added to the residual stream.
    case after
    /// Both.
    case around
  }

  /// Whether queries and keys are normalised before they are turned.
  public enum QueryKeyNorm: Sendable {
    case none
    /// Head by head, all by the same weights.
    case heads
    /// All heads together.
    case whole
  }

  public init(
    vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
    keyValueHeadCount: Int, headDimension: Int, normEpsilon: Float, contextLength: Int,
    rotary: RotarySpec, tiesHead: Bool, window: Int? = nil
  ) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDimension = headDimension
    self.normEpsilon = normEpsilon
    self.contextLength = contextLength
    self.rotary = rotary
    self.tiesHead = tiesHead
    self.window = window
  }

  /// Numbers in a row of queries, and of keys or values.
  public var queryWidth: Int { headCount * headDimension }
  public var keyValueWidth: Int { keyValueHeadCount * headDimension }

  /// How a layer sees and turns its keys.
  public func layer(_ index: Int) -> Layer {
    layers.isEmpty ? Layer(window: window, rotary: rotary) : layers[index]
  }
}

/// The norms of a decoder block, by their names in a Hugging Face folder.
package enum NormSite: CaseIterable, Sendable {
  case attention, query, key, attentionOutput, feedForward, feedForwardOutput
}

extension DecoderSpec {
  package static let finalNormName = "model.norm.weight"

  /// A norm's name in a Hugging Face folder; nil where the network has none there.
  package func normName(_ site: NormSite, layer: Int) -> String? {
    let name: String? =
      switch (site, normPlacement) {
      case (.attention, .before), (.attention, .around): "input_layernorm"
      case (.feedForward, .before): "post_attention_layernorm"
      case (.feedForward, .around): "pre_feedforward_layernorm"
      case (.attentionOutput, .after), (.attentionOutput, .around): "post_attention_layernorm"
      case (.feedForwardOutput, .after), (.feedForwardOutput, .around):
        "post_feedforward_layernorm"
      case (.query, _): queryKeyNorm == .none ? nil : "self_attn.q_norm"
      case (.key, _): queryKeyNorm == .none ? nil : "self_attn.k_norm"
      default: nil
      }
    return name.map { "model.layers.\(layer).\($0).weight" }
  }

  /// How many numbers a norm's weights are.
  package func normSize(_ site: NormSite) -> Int {
    switch site {
    case .query: queryKeyNorm == .heads ? headDimension : queryWidth
    case .key: queryKeyNorm == .heads ? headDimension : keyValueWidth
    default: hiddenSize
    }
  }

  /// The names of all vectors that ``Adapter/vector(_:named:in:)`` is asked for.
  package var vectorNames: [String] {
    (0..<layerCount).flatMap { layer in
      NormSite.allCases.compactMap { normName($0, layer: layer) }
    } + [Self.finalNormName]
  }
}
