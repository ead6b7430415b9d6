/// A named projection of a decoder, where an adapter may act.
///
/// ``DecoderSpec/site(_:layer:)`` makes one. Sites are the same where kind, block and expert are: the path is
/// only how the model's family calls it.
public struct Site: Sendable, CustomStringConvertible {
  /// The projections of a decoder block, in its order, and the two ends.
  public enum Kind: Sendable, CaseIterable {
    case query, key, value
    /// One matrix for the three, see ``DecoderSpec/QueryKeyValue``.
    case queryKeyValue
    case output
    case gate, up
    /// One matrix for both, the gate first.
    case gateUp
    case down
    /// What chooses a token's experts; the projections of one; and those of the expert of all tokens,
    /// with what says how much it counts.
    case router, expertGate, expertUp, expertDown
    case sharedRouter, sharedGate, sharedUp, sharedDown
    /// Before and after a short convolution.
    case convolutionInput, convolutionOutput
    case embedding, head

    /// Whether the output is kept for later tokens, as keys and values are. Of a prompt these are not
    /// rounded to bytes: that would cost as much exactness as rounding all else.
    package var isKept: Bool {
      switch self {
      case .key, .value, .queryKeyValue, .convolutionInput: true
      default: false
      }
    }
  }

  public let kind: Kind
  /// The block, from 0; nil for embedding and head.
  public let layer: Int?
  /// The expert of the block, from 0; nil where it is no expert's.
  public let expert: Int?
  /// The module's path in Hugging Face's model: `model.layers.0.self_attn.q_proj`.
  public let path: String

  package init(_ kind: Kind, layer: Int?, expert: Int? = nil, path: String) {
    self.kind = kind
    self.layer = layer
    self.expert = expert
    self.path = path
  }

  /// A site to look another up by; no module is called by its path.
  public init(_ kind: Kind, layer: Int? = nil, expert: Int? = nil) {
    self.init(kind, layer: layer, expert: expert, path: "\(kind)")
  }

  /// The last part of the path: `q_proj`.
  public var name: String { path.split(separator: ".").last.map(String.init) ?? path }

  public var description: String { path }
}

extension Site: Hashable {
  public static func == (one: Site, other: Site) -> Bool {
    one.kind == other.kind && one.layer == other.layer && one.expert == other.expert
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(layer)
    hasher.combine(expert)
  }
}

/// The two halves of a decoder block, whose outputs an adapter may transform.
public enum Sublayer: String, Sendable, CaseIterable {
  case attention
  case feedForward = "feed_forward"
}
