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
}
