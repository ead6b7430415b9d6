import HoneFormats

/// Reads `tokenizer.json`, the file of Hugging Face's tokenizers library.
enum TokenizerJSON {
  /// - Parameters:
  ///   - bytes: the file's content.
  ///   - file: the name that errors give.
  /// - Throws: ``TextError`` for what is wrong or not supported, `FormatError` for what is not
  ///   JSON.
  static func read(_ bytes: UnsafeRawBufferPointer, file: String) throws -> TokenizerParts {
    try parts(
      JSONField(
        value: try JSONParser.parse(bytes, file: file, duplicateKeys: .rejected), file: file,
        path: ""))
  }

  /// The tokenizer that a file's content describes.
  static func parts(_ root: JSONField) throws -> TokenizerParts {
    var parts = TokenizerParts(model: try Models.read(root.require("model")))
    parts.normalizer = try root["normalizer"].map(Normalizers.read)
    parts.preTokenizer = try root["pre_tokenizer"].map(PreTokenizers.read)
    if let field = root["post_processor"] { parts.postProcessor = try PostProcessors.read(field) }
    parts.decoder = try root["decoder"].map(Decoders.read)
    for field in try root["added_tokens"]?.array() ?? [] {
      var token = try addedToken(field)
      token.id = try field.require("id").id()
      try parts.add(token, field)
    }
    return parts
  }

  /// An added token, without its id.
  static func addedToken(_ field: JSONField) throws -> AddedToken {
    func flag(_ key: String) throws -> Bool? { try field[key]?.bool() }
    let isSpecial = try flag("special") ?? false
    return AddedToken(
      id: -1, content: Array(try field.require("content").string().utf8), isSpecial: isSpecial,
      isSingleWord: try flag("single_word") ?? false, stripsLeft: try flag("lstrip") ?? false,
      stripsRight: try flag("rstrip") ?? false,
      isNormalized: try flag("normalized") ?? !isSpecial)
  }
}

extension TokenizerParts {
  /// The highest id that an added token may have beyond the tokens there are.
  private static let largestGap = 1 << 20

  /// Adds a token with its id.
  ///
  /// - Throws: ``TextError`` when the id or the content belongs to another token.
  mutating func add(_ token: AddedToken, _ field: JSONField) throws {
    guard !token.content.isEmpty else { throw field.error("an added token without content") }
    let text = token.content.withUnsafeBufferPointer(Vocabulary.quoted)
    let known = model.vocabulary.id(of: token.content)
    guard known < 0 || known == token.id else {
      throw field.error("\(text) has the id \(token.id) here and \(known) in the vocabulary")
    }
    guard known >= 0 || Int(token.id) >= model.vocabulary.count else {
      let other = Vocabulary.quoted(model.vocabulary.text(of: Int(token.id)))
      throw field.error("\(text) has the id \(token.id), which is that of \(other)")
    }
    guard Int(token.id) < model.vocabulary.count + Self.largestGap else {
      throw field.error(
        "\(text) has the id \(token.id), far beyond the \(model.vocabulary.count) tokens there are")
    }
    if let other = addedTokens.first(where: { $0.id == token.id || $0.content == token.content }) {
      if other == token { return }
      let otherText = other.content.withUnsafeBufferPointer(Vocabulary.quoted)
      throw field.error(
        "\(text) with the id \(token.id) contradicts \(otherText) with the id \(other.id)")
    }
    addedTokens.append(token)
  }
}
