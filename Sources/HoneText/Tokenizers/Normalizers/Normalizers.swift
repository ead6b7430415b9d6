/// The normalisers that a `tokenizer.json` may name.
enum Normalizers {
  static let kinds: ComponentKinds<any Normalizer> = [
    ("Prepend", prepend),
    ("Replace", replace),
    ("Sequence", sequence),
  ]

  static func read(_ field: JSONField) throws -> any Normalizer {
    try field.component("normalizer", kinds)
  }

  @Sendable private static func prepend(_ field: JSONField) throws -> any Normalizer {
    PrependNormalizer(prefix: Array(try field.require("prepend").string().utf8))
  }

  @Sendable private static func replace(_ field: JSONField) throws -> any Normalizer {
    ReplaceNormalizer(replacement: try replacement(field))
  }

  /// `pattern` and `content`, also of the decoder of that name.
  static func replacement(_ field: JSONField) throws -> Replacement {
    let pattern = try field.require("pattern")
    let content = Array(try field.require("content").string().utf8)
    if let literal = pattern["String"] {
      return Replacement(pattern: .text(Array(try literal.string().utf8)), content: content)
    }
    return Replacement(pattern: .pattern(try PreTokenizers.pattern(pattern)), content: content)
  }

  @Sendable private static func sequence(_ field: JSONField) throws -> any Normalizer {
    NormalizerSequence(items: try field.require("normalizers").array().map(read))
  }
}

/// Puts a text before any text but the empty one.
struct PrependNormalizer: Normalizer {
  let prefix: [UInt8]

  func normalize(_ text: inout [UInt8]) {
    if !text.isEmpty { text.insert(contentsOf: prefix, at: 0) }
  }
}

struct ReplaceNormalizer: Normalizer {
  let replacement: Replacement

  func normalize(_ text: inout [UInt8]) { text = replacement.applied(to: text) }
}
