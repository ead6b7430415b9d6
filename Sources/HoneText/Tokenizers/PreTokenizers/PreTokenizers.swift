/// The pre-tokenisers that a `tokenizer.json` may name.
enum PreTokenizers {
  static let kinds: ComponentKinds<any PreTokenizer> = [
    ("BertPreTokenizer", { _ in bert }),
    ("ByteLevel", byteLevel),
    ("CharDelimiterSplit", delimiter),
    ("Digits", digits),
    ("Metaspace", metaspace),
    ("Punctuation", punctuation),
    ("Sequence", sequence),
    ("Split", split),
    ("Whitespace", { _ in try words() }),
    ("WhitespaceSplit", { _ in splitting(CharacterSets.space, .removed) }),
  ]

  static func read(_ field: JSONField) throws -> any PreTokenizer {
    try field.component("pre-tokenizer", kinds)
  }

  private static func splitting(
    _ set: CodePointSet, _ behavior: SplitPreTokenizer.Behavior
  ) -> SplitPreTokenizer {
    SplitPreTokenizer(pattern: TextPattern(set), behavior: behavior)
  }

  /// Spaces go, punctuation stands alone.
  static var bert: any PreTokenizer {
    PreTokenizerSequence(items: [
      splitting(CharacterSets.space, .removed), splitting(CharacterSets.bertPunctuation, .isolated),
    ])
  }

  static func words() throws -> any PreTokenizer {
    // `\w+|[^\w\s]+`, but of another library than patterns in files, with another idea of `\w`.
    let sets = [
      CharacterSets.joining, CharacterSets.joining.union(CharacterSets.space).inverted,
    ]
    let runs = sets.map {
      PatternNode.repeated(.set($0), least: 1, most: nil, kind: .greedy)
    }
    return SplitPreTokenizer(
      pattern: try TextPattern(.alternatives(runs), source: ""), behavior: .removed,
      isInverted: true)
  }

  @Sendable private static func byteLevel(_ field: JSONField) throws -> any PreTokenizer {
    try ByteLevelPreTokenizer(
      addsPrefixSpace: field["add_prefix_space"]?.bool() ?? true,
      splits: field["use_regex"]?.bool() ?? true)
  }

  @Sendable private static func delimiter(_ field: JSONField) throws -> any PreTokenizer {
    let character = try field.require("delimiter").character().value
    return splitting(CodePointSet(character...character), .removed)
  }

  @Sendable private static func digits(_ field: JSONField) throws -> any PreTokenizer {
    try digits(individually: field["individual_digits"]?.bool() ?? false)
  }

  static func digits(individually: Bool) -> any PreTokenizer {
    SplitPreTokenizer(
      pattern: TextPattern(CharacterSets.numeric, repeated: !individually), behavior: .isolated)
  }

  @Sendable private static func metaspace(_ field: JSONField) throws -> any PreTokenizer {
    let legacy = try field["add_prefix_space"]?.bool() ?? true
    return MetaspacePreTokenizer(
      mark: try field["replacement"]?.character() ?? "▁",
      prepends: try field["prepend_scheme"]?.choice(MetaspacePreTokenizer.PrependScheme.self)
        ?? (legacy ? .always : .never),
      splits: try field["split"]?.bool() ?? true)
  }

  @Sendable private static func punctuation(_ field: JSONField) throws -> any PreTokenizer {
    let behavior = try field["behavior"]?.choice(SplitPreTokenizer.Behavior.self) ?? .isolated
    return splitting(CharacterSets.bertPunctuation, behavior)
  }

  @Sendable private static func sequence(_ field: JSONField) throws -> any PreTokenizer {
    try sequence(field.require("pretokenizers").array().map(read))
  }

  /// Joins pre-tokenisers; a byte-level one that others follow writes its characters out for them.
  static func sequence(_ items: [any PreTokenizer]) -> any PreTokenizer {
    var items = items
    for index in items.indices.dropLast() {
      guard var byteLevel = items[index] as? ByteLevelPreTokenizer else { continue }
      byteLevel.isLast = false
      items[index] = byteLevel
    }
    return PreTokenizerSequence(items: items)
  }

  @Sendable private static func split(_ field: JSONField) throws -> any PreTokenizer {
    SplitPreTokenizer(
      pattern: try pattern(field.require("pattern")),
      behavior: try field.require("behavior").choice(SplitPreTokenizer.Behavior.self),
      isInverted: try field["invert"]?.bool() ?? false)
  }

  /// `{"String": "..."}` or `{"Regex": "..."}`.
  static func pattern(_ field: JSONField) throws -> TextPattern {
    do {
      if let literal = field["String"] { return try TextPattern(literal: literal.string()) }
      return try TextPattern(field.require("Regex").string())
    } catch let error as TextError where error.subject != field.file {
      throw field.error("\(error)")
    }
  }
}
