import HoneFormats

/// Reads `tokenizer.model`, SentencePiece's own file.
///
/// The numbers of the fields are those of `sentencepiece_model.proto`.
struct SentencePieceModel {
  /// A piece's kind.
  enum Kind: UInt64 {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  struct Piece {
    var text: [UInt8] = []
    var score: Float = 0
    var kind = Kind.normal
  }

  private(set) var pieces: [Piece] = []
  private let file: String
  /// 1 for a unigram model, 2 for byte-pair encoding.
  private var modelType: UInt64 = 1
  private var fallsBackToBytes = false
  private var unknownID: Int32 = 0
  private var beginningID: Int32 = 1
  private var endID: Int32 = 2
  private var paddingID: Int32 = -1
  private var characterMap: [UInt8] = []
  private var addsPrefix = true
  private var removesExtraSpaces = true

  /// - Throws: `FormatError` or ``TextError`` for what is no such file.
  init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
    self.file = file
    var reader = ProtobufReader(bytes, file: file)
    while let (field, value) = try reader.next() {
      guard case .bytes(let message) = value else { continue }
      switch field {
      case 1: pieces.append(try piece(message))
      case 2: try readTraining(message)
      case 3: try readNormalization(message)
      default: continue
      }
    }
    guard !pieces.isEmpty else {
      throw TextError(subject: file, problem: "holds no pieces")
    }
  }

  private func piece(_ message: UnsafeRawBufferPointer) throws -> Piece {
    var reader = ProtobufReader(message, file: file)
    var piece = Piece()
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let text)): piece.text = Array(text)
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .integer(let number)):
        guard let kind = Kind(rawValue: number) else {
          throw TextError(
            subject: file, place: "piece \(pieces.count)",
            problem: "is of the unknown kind \(number)")
        }
        piece.kind = kind
      default: continue
      }
    }
    return piece
  }

  private mutating func readTraining(_ message: UnsafeRawBufferPointer) throws {
    var reader = ProtobufReader(message, file: file)
    while let (field, value) = try reader.next() {
      guard case .integer(let number) = value else { continue }
      switch field {
      case 3: modelType = number
      case 35: fallsBackToBytes = number != 0
      case 40: unknownID = Int32(truncatingIfNeeded: number)
      case 41: beginningID = Int32(truncatingIfNeeded: number)
      case 42: endID = Int32(truncatingIfNeeded: number)
      case 43: paddingID = Int32(truncatingIfNeeded: number)
      default: continue
      }
    }
  }

  private mutating func readNormalization(_ message: UnsafeRawBufferPointer) throws {
    var reader = ProtobufReader(message, file: file)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (2, .bytes(let map)): characterMap = Array(map)
      case (3, .integer(let number)): addsPrefix = number != 0
      case (4, .integer(let number)): removesExtraSpaces = number != 0
      default: continue
      }
    }
  }

  /// The tokenizer's parts.
  func parts() throws -> TokenizerParts {
    var tokens = TokenList(subject: file)
    for piece in pieces { try tokens.append(piece.text) }
    let vocabulary = try Vocabulary(tokens)
    guard let unknown = pieces.indices.contains(Int(unknownID)) ? unknownID : nil else {
      throw TextError(
        subject: file, place: "unk_id",
        problem: "the id \(unknownID) is not one of the \(pieces.count) pieces")
    }
    var parts: TokenizerParts
    switch modelType {
    case 1:
      parts = TokenizerParts(
        model: Unigram(
          vocabulary: vocabulary, scores: pieces.map { Double($0.score) }, unknown: unknown,
          fallsBackToBytes: fallsBackToBytes, sumsInFloat: true))
    case 2:
      parts = TokenizerParts(
        model: BPE.sentencePiece(
          vocabulary, scores: pieces.map(\.score), unknown: unknown,
          fallsBackToBytes: fallsBackToBytes))
    default:
      throw TextError(
        subject: file, place: "model_type",
        problem: "the model \(modelType) is not supported",
        advice: "supported are unigram (1) and BPE (2)")
    }
    parts.normalizer = try normalizer()
    parts.decoder = try Decoders.read(
      JSONField(
        value: SentencePieceSpaces.decoder(addsPrefix: addsPrefix), file: file, path: "decoder"))
    for (id, piece) in pieces.enumerated() where !piece.text.isEmpty {
      var token = AddedToken(id: Int32(id), content: piece.text)
      switch piece.kind {
      case .control: token.isSpecial = true
      case .userDefined:
        // SentencePiece finds these in the text that it has normalised, where they stand as here.
        token.isNormalized = true
        token.normalizedContent = piece.text
      default: continue
      }
      parts.addedTokens.append(token)
    }
    func text(_ id: Int32) -> String? {
      pieces.indices.contains(Int(id)) ? String(decoding: pieces[Int(id)].text, as: UTF8.self) : nil
    }
    parts.specialTokens.beginningOfText = text(beginningID)
    parts.specialTokens.endOfText = text(endID)
    parts.specialTokens.padding = text(paddingID)
    parts.specialTokens.unknown = text(unknownID)
    return parts
  }

  private func normalizer() throws -> any Normalizer {
    var items: [any Normalizer] = []
    if !characterMap.isEmpty {
      guard let normalizer = PrecompiledNormalizer(characterMap, search: .longest) else {
        throw TextError(
          subject: file, place: "precompiled_charsmap", problem: "is not a character map")
      }
      items.append(normalizer)
    }
    if removesExtraSpaces {
      for (pattern, content) in [(#"\A +"#, ""), (#" +\z"#, ""), (" {2,}", " ")] {
        items.append(
          ReplaceNormalizer(
            replacement: Replacement(
              pattern: .pattern(try TextPattern(pattern)), content: Array(content.utf8))))
      }
    }
    items.append(
      try Normalizers.read(
        JSONField(
          value: SentencePieceSpaces.normalizer(addsPrefix: addsPrefix), file: file,
          path: "normalizer")))
    return NormalizerSequence(items: items)
  }
}

extension BPE {
  /// A model of SentencePiece's, which merges by scores.
  static func sentencePiece(
    _ vocabulary: Vocabulary, scores: [Float], unknown: Int32?, fallsBackToBytes: Bool
  ) -> BPE {
    var options = Options()
    options.unknown = unknown
    options.fusesUnknown = true
    options.fallsBackToBytes = fallsBackToBytes
    return BPE(
      vocabulary: vocabulary,
      pairs: .scores(TokenScores(vocabulary: vocabulary, scores: scores)), options: options)
  }
}
