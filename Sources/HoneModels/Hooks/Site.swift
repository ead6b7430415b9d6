/// A named projection of a decoder, where an adapter may act.
public struct Site: Hashable, Sendable, CustomStringConvertible {
  /// The projections of a decoder block, and the two ends.
  public enum Kind: String, Sendable, CaseIterable {
    case query = "self_attn.q_proj"
    case key = "self_attn.k_proj"
    case value = "self_attn.v_proj"
    case output = "self_attn.o_proj"
    case gate = "mlp.gate_proj"
    case up = "mlp.up_proj"
    case down = "mlp.down_proj"
    case embedding = "embed_tokens"
    case head = "lm_head"
  }

  public let kind: Kind
  /// The block, from 0; nil for embedding and head.
  public let layer: Int?

  public init(_ kind: Kind, layer: Int? = nil) {
    self.kind = kind
    self.layer = layer
  }

  /// The module's path in Hugging Face's model: `model.layers.0.self_attn.q_proj`.
  public var path: String {
    switch (kind, layer) {
    case (.head, _): "lm_head"
    case (_, nil): "model.\(kind.rawValue)"
    case (_, let layer?): "model.layers.\(layer).\(kind.rawValue)"
    }
  }

  /// The last part of the path: `q_proj`.
  public var name: String { kind.rawValue.split(separator: ".").last.map(String.init) ?? "" }

  public var description: String { path }
}

/// The two halves of a decoder block, whose outputs an adapter may transform.
public enum Sublayer: String, Sendable, CaseIterable {
  case attention
  case feedForward = "feed_forward"
}
