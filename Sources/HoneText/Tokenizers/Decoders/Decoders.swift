/// The decoders that a `tokenizer.json` may name.
enum Decoders {
  static let kinds: ComponentKinds<any Decoder> = [
    ("BPEDecoder", wordEnd),
    ("ByteFallback", { _ in ByteFallbackDecoder() }),
    ("ByteLevel", { _ in ByteLevelDecoder() }),
    ("Fuse", { _ in FuseDecoder() }),
    ("Metaspace", metaspace),
    ("Replace", { ReplaceDecoder(replacement: try Normalizers.replacement($0)) }),
    ("Sequence", sequence),
    ("Strip", strip),
    ("WordPiece", wordPiece),
  ]

  static func read(_ field: JSONField) throws -> any Decoder {
    try field.component("decoder", kinds)
  }

  @Sendable private static func metaspace(_ field: JSONField) throws -> any Decoder {
    let scheme = try field["prepend_scheme"]?.choice(MetaspacePreTokenizer.PrependScheme.self)
    let legacy = try field["add_prefix_space"]?.bool() ?? true
    return MetaspaceDecoder(
      mark: Array(String(try field["replacement"]?.character() ?? "▁").utf8),
      dropsFirst: scheme.map { $0 != .never } ?? legacy)
  }

  @Sendable private static func sequence(_ field: JSONField) throws -> any Decoder {
    DecoderSequence(items: try field.require("decoders").array().map(read))
  }

  @Sendable private static func wordEnd(_ field: JSONField) throws -> any Decoder {
    WordEndDecoder(suffix: Array((try field["suffix"]?.string() ?? "</w>").utf8))
  }

  @Sendable private static func wordPiece(_ field: JSONField) throws -> any Decoder {
    WordPieceDecoder(
      prefix: Array((try field["prefix"]?.string() ?? "##").utf8),
      cleansUp: try field["cleanup"]?.bool() ?? true)
  }

  @Sendable private static func strip(_ field: JSONField) throws -> any Decoder {
    func count(_ key: String) throws -> Int {
      guard let member = field[key] else { return 0 }
      guard case 0...1_000_000 = try member.integer() else {
        throw member.error("expected a number of characters")
      }
      return try member.integer()
    }
    return StripDecoder(
      character: Array(String(try field.require("content").character()).utf8),
      left: try count("start"), right: try count("stop"))
  }
}
