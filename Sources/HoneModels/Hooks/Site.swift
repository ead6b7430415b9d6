/// A named projection of a decoder, where an adapter may act.
///
/// ``DecoderSpec/site(_:layer:)`` makes one. Sites are the same where kind and block are: the path is
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
    case embedding, head
  }

  public let kind: Kind
  /// The block, from 0; nil for embedding and head.
  public let layer: Int?
  /// The module's path in Hugging Face's model: `model.layers.0.self_attn.q_proj`.
  public let path: String

  package init(_ kind: Kind, layer: Int?, path: String) {
    self.kind = kind
    self.layer = layer
    self.path = path
  }

  /// A site to look another up by; no module is called by its path.
  public init(_ kind: Kind, layer: Int? = nil) {
    self.init(kind, layer: layer, path: "\(kind)")
  }

  /// The last part of the path: `q_proj`.
  public var name: String { path.split(separator: ".").last.map(String.init) ?? path }

  public var description: String { path }
}

extension Site: Hashable {
  public static func == (one: Site, other: Site) -> Bool {
    one.kind == other.kind && one.layer == other.layer
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(layer)
  }
}

/// The two halves of a decoder block, whose outputs an adapter may transform.
public enum Sublayer: String, Sendable, CaseIterable {
  case attention
  case feedForward = "feed_forward"
}
