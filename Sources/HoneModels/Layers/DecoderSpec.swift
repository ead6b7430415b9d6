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
  /// How queries and keys are turned; nil where positions are learned.
  public var rotary: RotarySpec?
  /// Whether the head is the embedding.
  public var tiesHead: Bool
  /// How many of its last keys a query sees, itself included; nil for all.
  public var window: Int?
  /// How layers that differ from each other do; empty where all are the same.
  public var layers: [Layer] = []

  /// How the family calls the parts.
  package var names = ModuleNames()

  public var norm: Norm = .rms
  public var normPlacement: NormPlacement = .before
  public var queryKeyNorm: QueryKeyNorm = .none
  /// Added to a norm's weights; Gemma stores them less one.
  public var normOffset: Float = 0
  public var queryKeyValue: QueryKeyValue = .separate
  public var feedForward: FeedForward = .gated
  /// What stands in the second half of blocks that route tokens; nil where none do.
  public var experts: Experts?
  /// How many tokens a short convolution sees, its own included, and whether it has a bias; nil where
  /// no block has one.
  public var convolution: Convolution?
  public var residual: Residual = .sequential
  /// The row of the first position in a table of learned positions, which are added to embedded
  /// tokens; nil where there is no such table.
  public var positionOffset: Int?
  /// What the gate goes through, or all inner numbers where there is none.
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
    /// Whether a short convolution stands in attention's place.
    public var convolves = false

    public init(window: Int?, rotary: RotarySpec?) {
      self.window = window
      self.rotary = rotary
    }
  }

  /// How tokens are sent to experts.
  public struct Experts: Sendable, Equatable {
    public var count: Int
    /// How many of them a token goes to.
    public var choices: Int
    public var intermediateSize: Int
    /// Whether the weights of a token's experts sum up to 1.
    public var normalizes: Bool
    /// The inner width of the expert that all tokens go to; nil for none.
    public var sharedSize: Int?
    /// Blocks that have one feed-forward half all the same.
    public var denseLayers: Set<Int> = []

    public init(
      count: Int, choices: Int, intermediateSize: Int, normalizes: Bool, sharedSize: Int? = nil,
      denseLayers: Set<Int> = []
    ) {
      self.count = count
      self.choices = choices
      self.intermediateSize = intermediateSize
      self.normalizes = normalizes
      self.sharedSize = sharedSize
      self.denseLayers = denseLayers
    }
  }

  /// A short convolution.
  public struct Convolution: Sendable, Equatable {
    public var length: Int
    public var hasBias: Bool
  }

  /// What a norm computes.
  public enum Norm: Sendable {
    /// `x / √(mean(x²) + ε) · w`.
    case rms
    /// `(x - mean(x)) / √(variance(x) + ε) · w + b`.
    case layer
  }

  /// Where a block's halves are normalised.
  public enum NormPlacement: Sendable {
    /// What goes in.
    case before
    /// What comes out, before it is added to the residual stream.
    case after
    /// Both.
    case around
    /// The residual stream, after what comes out was added; nothing is then normalised before the
    /// head.
    case afterAdding
  }

  /// Whether queries and keys are normalised before they are turned.
  public enum QueryKeyNorm: Sendable {
    case none
    /// Head by head, all by the same weights.
    case heads
    /// Head by head, each by weights of its own.
    case eachHead
    /// All heads together.
    case whole
  }

  /// How queries, keys and values are projected.
  public enum QueryKeyValue: Sendable {
    /// By a matrix each.
    case separate
    /// By one: all queries, then all keys, then all values.
    case stacked
    /// By one: for each key head its queries, then the key, then the value.
    case byKeyHead
  }

  /// What stands in a block's second half.
  public enum FeedForward: Sendable {
    /// `down(f(gate(x)) · up(x))`.
    case gated
    /// The same, with gate and up in one matrix.
    case fusedGated
    /// `down(f(up(x)))`.
    case plain
  }

  /// How a block's halves stand to each other.
  public enum Residual: Sendable {
    /// The second takes what the first has been added to.
    case sequential
    /// Both take what the block takes, each through a norm of its own.
    case parallel
    /// Both take what the block takes, through one norm.
    case parallelSharingNorm
  }

  public init(
    vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
    keyValueHeadCount: Int, headDimension: Int, normEpsilon: Float, contextLength: Int,
    rotary: RotarySpec?, tiesHead: Bool, window: Int? = nil
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

  /// How long a text may be that stands after some positions. Positions that are turned go on beyond
  /// the context, at a loss; learned ones end.
  package func room(after positions: Int) -> Int {
    positionOffset == nil ? contextLength : max(contextLength - positions, 0)
  }

  /// Whether a block sends its tokens to experts.
  public func hasExperts(_ layer: Int) -> Bool {
    experts.map { !$0.denseLayers.contains(layer) } ?? false
  }

  /// How a layer sees and turns its keys.
  public func layer(_ index: Int) -> Layer {
    layers.isEmpty ? Layer(window: window, rotary: rotary) : layers[index]
  }
}
