import HoneFormats

/// How SentencePiece's models keep spaces, as transformers describes it in a `tokenizer.json`.
enum SentencePieceSpaces {
  private static let mark = JSONValue.string("▁")
  private static let space = JSONValue.string(" ")

  private static func replace(_ text: JSONValue, by content: JSONValue) -> JSONValue {
    .component("Replace", ["pattern": .members(["String": text]), "content": content])
  }

  /// "▁" for spaces and, if wanted, one before the text.
  static func normalizer(addsPrefix: Bool) -> JSONValue {
    let spaces = replace(space, by: mark)
    guard addsPrefix else { return spaces }
    return .component(
      "Sequence", ["normalizers": .array([.component("Prepend", ["prepend": mark]), spaces])])
  }

  /// Spaces for "▁" and bytes for tokens that name them; if wanted, none before the text.
  static func decoder(addsPrefix: Bool) -> JSONValue {
    let items: [JSONValue] = [
      replace(mark, by: space), .component("ByteFallback"), .component("Fuse"),
    ]
    let strip = JSONValue.component(
      "Strip", ["content": space, "start": .integer(1), "stop": .integer(0)])
    return .component("Sequence", ["decoders": .array(addsPrefix ? items + [strip] : items)])
  }
}
