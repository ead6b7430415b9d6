/// The post-processors that a `tokenizer.json` may name.
enum PostProcessors {
  static let kinds: ComponentKinds<PostProcessor> = [
    ("BertProcessing", separators),
    ("ByteLevel", { _ in PostProcessor() }),
    ("RobertaProcessing", separators),
    ("Sequence", sequence),
    ("TemplateProcessing", template),
  ]

  static func read(_ field: JSONField) throws -> PostProcessor {
    try field.component("post-processor", kinds)
  }

  /// `cls` before, `sep` after, each a token with its id.
  @Sendable private static func separators(_ field: JSONField) throws -> PostProcessor {
    func id(_ key: String) throws -> Int32 {
      let pair = try field.require(key).array()
      guard pair.count == 2 else {
        throw try field.require(key).error("expected a token and its id")
      }
      return try pair[1].id()
    }
    return PostProcessor(before: [try id("cls")], after: [try id("sep")])
  }

  @Sendable private static func sequence(_ field: JSONField) throws -> PostProcessor {
    try field.require("processors").array().map(read).reduce(PostProcessor()) {
      $0.followed(by: $1)
    }
  }

  @Sendable private static func template(_ field: JSONField) throws -> PostProcessor {
    var result = PostProcessor()
    var hasText = false
    for item in try field.require("single").array() {
      if item["Sequence"] != nil {
        guard !hasText else { throw item.error("the text stands twice in the template") }
        hasText = true
        continue
      }
      let name = try item.require("SpecialToken").require("id").string()
      let tokens = try field.require("special_tokens")
      guard let token = tokens[name] else {
        throw tokens.error("has no entry \"\(name.prefix(80))\", which the template uses")
      }
      let ids = try token.require("ids").array().map { try $0.id() }
      if hasText { result.after += ids } else { result.before += ids }
    }
    guard hasText else { throw try field.require("single").error("the template has no text") }
    return result
  }
}
