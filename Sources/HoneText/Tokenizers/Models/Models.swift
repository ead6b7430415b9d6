import HoneFormats

/// The models that a `tokenizer.json` may name.
enum Models {
  static let kinds: ComponentKinds<any TokenModel> = [
    ("BPE", bpe),
    ("Unigram", unigram),
    ("WordLevel", wordLevel),
    ("WordPiece", wordPiece),
  ]

  static func read(_ field: JSONField) throws -> any TokenModel {
    // Files of old versions leave the type out; what else is there tells.
    if field["type"] == nil {
      if field["merges"] != nil { return try bpe(field) }
      if field["max_input_chars_per_word"] != nil { return try wordPiece(field) }
      if field["vocab"]?.value.array != nil { return try unigram(field) }
    }
    return try field.component("model", kinds)
  }

  @Sendable private static func bpe(_ field: JSONField) throws -> any TokenModel {
    if let dropout = field["dropout"], try dropout.double() != 0 {
      throw dropout.error("merges left out at random are not supported")
    }
    let vocabulary = try vocabulary(field)
    var options = BPE.Options()
    options.continuingPrefix = Array(try (field["continuing_subword_prefix"]?.string() ?? "").utf8)
    options.endSuffix = Array(try (field["end_of_word_suffix"]?.string() ?? "").utf8)
    options.unknown = try unknown(field, vocabulary)
    options.fusesUnknown = try field["fuse_unk"]?.bool() ?? false
    options.fallsBackToBytes = try field["byte_fallback"]?.bool() ?? false
    options.ignoresMerges = try field["ignore_merges"]?.bool() ?? false
    let merges = try merges(
      field.require("merges"), vocabulary, prefix: options.continuingPrefix.count)
    return BPE(vocabulary: vocabulary, pairs: .merges(merges), options: options)
  }

  @Sendable private static func unigram(_ field: JSONField) throws -> any TokenModel {
    let entries = try field.require("vocab").array()
    var tokens = TokenList(subject: field.file)
    tokens.reserveCapacity(tokens: entries.count, bytes: entries.count * 8)
    // Of equal tokens the library finds the last.
    tokens.allowsDuplicates = true
    var scores: [Double] = []
    scores.reserveCapacity(entries.count)
    for entry in entries {
      let pair = try entry.array()
      guard pair.count == 2 else { throw entry.error("expected a token and its score") }
      try tokens.append(pair[0].string().utf8)
      scores.append(try pair[1].double())
    }
    let unknown = try field["unk_id"]?.id()
    if let unknown, Int(unknown) >= entries.count {
      throw try field.require("unk_id").error(
        "the id \(unknown) is not one of the \(entries.count) tokens")
    }
    return Unigram(
      vocabulary: try Vocabulary(tokens), scores: scores, unknown: unknown,
      fallsBackToBytes: try field["byte_fallback"]?.bool() ?? false)
  }

  @Sendable private static func wordPiece(_ field: JSONField) throws -> any TokenModel {
    let vocabulary = try vocabulary(field)
    return WordPiece(
      vocabulary: vocabulary, unknown: try requiredUnknown(field, "[UNK]", vocabulary),
      continuingPrefix: Array((try field["continuing_subword_prefix"]?.string() ?? "##").utf8),
      maximumCharacters: try field["max_input_chars_per_word"]?.integer() ?? 100)
  }

  @Sendable private static func wordLevel(_ field: JSONField) throws -> any TokenModel {
    let vocabulary = try vocabulary(field)
    return WordLevel(
      vocabulary: vocabulary, unknown: try requiredUnknown(field, "<unk>", vocabulary))
  }

  private static func requiredUnknown(
    _ field: JSONField, _ standard: String, _ vocabulary: Vocabulary
  ) throws -> Int32 {
    let token = try field["unk_token"]?.string() ?? standard
    let id = vocabulary.id(of: token)
    guard id >= 0 else {
      throw field.error("the unknown token \"\(token.prefix(80))\" is not in the vocabulary")
    }
    return id
  }

  /// The tokens of `vocab`, an object of tokens and their ids.
  ///
  /// - Throws: ``TextError`` for an id that stands twice or is missing.
  static func vocabulary(_ field: JSONField) throws -> Vocabulary {
    let vocab = try field.require("vocab")
    let object = try vocab.object()
    var keys = [Int](repeating: -1, count: object.count)
    for (index, value) in object.values.enumerated() {
      let entry = JSONField(
        value: value, file: field.file, path: "\(vocab.path)[\"\(object.keys[index].prefix(80))\"]")
      let id = Int(try entry.id())
      guard id < keys.count else {
        throw entry.error(
          "the id \(id) leaves holes: there are \(object.count) tokens, so ids go to \(object.count - 1)"
        )
      }
      guard keys[id] < 0 else {
        throw entry.error(
          "the id \(id) is also that of \"\(object.keys[keys[id]].prefix(80))\"")
      }
      keys[id] = index
    }
    var tokens = TokenList(subject: field.file)
    tokens.reserveCapacity(tokens: keys.count, bytes: keys.count * 8)
    for key in keys { try tokens.append(object.keys[key].utf8) }
    return try Vocabulary(tokens)
  }

  private static func unknown(_ field: JSONField, _ vocabulary: Vocabulary) throws -> Int32? {
    guard let unknown = field["unk_token"], let token = Optional(try unknown.string()),
      !token.isEmpty
    else { return nil }
    let id = vocabulary.id(of: token)
    if id >= 0 { return id }
    // It is never needed when each byte is a token.
    if BPE.hasAllBytes(vocabulary) { return nil }
    throw unknown.error("\"\(token.prefix(80))\" is not in the vocabulary")
  }

  /// The pairs of `merges`, each an array of two tokens or, in older files, "left right".
  private static func merges(
    _ field: JSONField, _ vocabulary: Vocabulary, prefix: Int
  ) throws -> MergeTable {
    guard let array = field.value.array else { throw try expectedArray(field) }
    var reader = MergeReader(vocabulary: vocabulary, prefix: prefix)
    reader.reserveCapacity(array.count)
    for (index, merge) in array.enumerated() {
      let problem: String?
      switch merge {
      case .array(let pair) where pair.count == 2 && pair[0].string != nil && pair[1].string != nil:
        var left = pair[0].string ?? ""
        var right = pair[1].string ?? ""
        problem = left.withUTF8 { left in right.withUTF8 { reader.append(left, $0) } }
      case .string(var text):
        problem = text.withUTF8 { reader.append(pair: $0, separatorFrom: 0) }
      default: problem = "expected two tokens"
      }
      if let problem {
        throw JSONField(value: merge, file: field.file, path: "\(field.path)[\(index)]").error(
          problem)
      }
    }
    return MergeTable(reader.merges)
  }

  private static func expectedArray(_ field: JSONField) throws -> TextError {
    _ = try field.array()
    return field.error("expected an array")
  }
}

/// Collects merges by their tokens.
struct MergeReader {
  private let vocabulary: Vocabulary
  /// How many bytes of the right token the merged one leaves out.
  private let prefix: Int
  private(set) var merges: [(left: Int32, right: Int32, merged: Int32)] = []
  private var joined: [UInt8] = []

  init(vocabulary: Vocabulary, prefix: Int = 0) {
    self.vocabulary = vocabulary
    self.prefix = prefix
  }

  mutating func reserveCapacity(_ count: Int) { merges.reserveCapacity(count) }

  /// Adds "left right".
  ///
  /// - Parameter separatorFrom: where the separating space may stand at the earliest.
  /// - Returns: what is wrong with it, or nil.
  mutating func append(pair: UnsafeBufferPointer<UInt8>, separatorFrom first: Int) -> String? {
    guard pair.count > first, let space = pair[first...].firstIndex(of: 0x20) else {
      return "the merge \(Vocabulary.quoted(pair)) is not two tokens with a space between"
    }
    return append(
      UnsafeBufferPointer(rebasing: pair[..<space]),
      UnsafeBufferPointer(rebasing: pair[(space + 1)...]))
  }

  /// Adds a pair.
  ///
  /// - Returns: what is wrong with it, or nil.
  mutating func append(
    _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
  ) -> String? {
    func id(_ token: UnsafeBufferPointer<UInt8>) -> Int32 {
      token.baseAddress.map { vocabulary.id(of: $0, count: token.count) } ?? -1
    }
    let leftID = id(left)
    let rightID = id(right)
    guard leftID >= 0, rightID >= 0 else {
      let missing = Vocabulary.quoted(leftID < 0 ? left : right)
      return "merges the token \(missing), which is not in the vocabulary"
    }
    joined.removeAll(keepingCapacity: true)
    joined.append(contentsOf: left)
    joined.append(contentsOf: right.dropFirst(prefix))
    let merged = joined.withUnsafeBufferPointer(id)
    guard merged >= 0 else {
      return
        "gives the token \(joined.withUnsafeBufferPointer(Vocabulary.quoted)), which is not in the vocabulary"
    }
    merges.append((leftID, rightID, merged))
    return nil
  }
}
