/// The normalisers that a `tokenizer.json` may name.
enum Normalizers {
  static let kinds: ComponentKinds<any Normalizer> = [
    ("BertNormalizer", bert),
    ("ByteLevel", { _ in ByteLevelNormalizer() }),
    ("Lowercase", { _ in LowercaseNormalizer() }),
    ("NFC", { _ in UnicodeNormalizer(form: .nfc) }),
    ("NFD", { _ in UnicodeNormalizer(form: .nfd) }),
    ("NFKC", { _ in UnicodeNormalizer(form: .nfkc) }),
    ("NFKD", { _ in UnicodeNormalizer(form: .nfkd) }),
    ("Nmt", { _ in NmtNormalizer() }),
    ("Precompiled", precompiled),
    ("Prepend", prepend),
    ("Replace", replace),
    ("Sequence", sequence),
    ("Strip", strip),
    ("StripAccents", { _ in StripAccentsNormalizer() }),
  ]

  static func read(_ field: JSONField) throws -> any Normalizer {
    try field.component("normalizer", kinds)
  }

  @Sendable private static func bert(_ field: JSONField) throws -> any Normalizer {
    let lowercases = try field["lowercase"]?.bool() ?? true
    return BertNormalizer(
      cleans: try field["clean_text"]?.bool() ?? true,
      separatesIdeographs: try field["handle_chinese_chars"]?.bool() ?? true,
      stripsAccents: try field["strip_accents"]?.bool() ?? lowercases, lowercases: lowercases)
  }

  @Sendable private static func precompiled(_ field: JSONField) throws -> any Normalizer {
    let map = try field.require("precompiled_charsmap")
    guard let bytes = Base64.decoded(try map.string()),
      let normalizer = PrecompiledNormalizer(bytes, search: .clusters)
    else { throw map.error("is not a character map in base 64") }
    return normalizer
  }

  @Sendable private static func strip(_ field: JSONField) throws -> any Normalizer {
    StripNormalizer(
      left: try field["strip_left"]?.bool() ?? true, right: try field["strip_right"]?.bool() ?? true
    )
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
