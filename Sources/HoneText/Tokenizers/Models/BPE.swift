/// Byte-pair encoding: begins with characters (or bytes) and merges neighbours, the earliest
/// learned pair first, the leftmost of equal ones.
///
/// Follows the tokenizers library's BPE, which SentencePiece's models are converted to as well.
struct BPE: TokenModel {
  struct Options: Sendable {
    /// What stands for a character that is not in the vocabulary; without it, it is dropped.
    var unknown: Int32?
    /// Whether a run of unknown characters becomes one token.
    var fusesUnknown = false
    /// Whether an unknown character becomes its bytes, the tokens `<0x00>` to `<0xFF>`.
    var fallsBackToBytes = false
    /// Whether a piece that is a token needs no merging.
    var ignoresMerges = false
    /// Put before each character but a piece's first.
    var continuingPrefix: [UInt8] = []
    /// Put after a piece's last character.
    var endSuffix: [UInt8] = []
  }

  let vocabulary: Vocabulary
  let pairs: PairRanks
  let options: Options
  /// The ids of the characters that stand for each byte, or -1.
  private let byteIDs: [Int32]
  /// The ids of the ASCII characters, or -1.
  private let asciiIDs: [Int32]
  /// The ids of `<0x00>` to `<0xFF>`, or -1.
  private let fallbackIDs: [Int32]
  /// Whether no merge reaches over the beginning of a run of "▁", so that pieces may be cut there.
  private let cutsBeforeSpaceMarks: Bool

  init(vocabulary: Vocabulary, pairs: PairRanks, options: Options) {
    self.vocabulary = vocabulary
    self.pairs = pairs
    self.options = options
    byteIDs = ByteAlphabet.points.map { point in
      var text: [UInt8] = []
      text.append(codePoint: point)
      return vocabulary.id(of: text)
    }
    asciiIDs = (0..<128).map { vocabulary.id(of: [UInt8($0)]) }
    fallbackIDs = Self.fallbackIDs(vocabulary)
    cutsBeforeSpaceMarks =
      !options.ignoresMerges && options.continuingPrefix.isEmpty && options.endSuffix.isEmpty
      && vocabulary.id(of: "▁") >= 0 && !pairs.crossesSpaceMark(in: vocabulary)
  }

  /// The ids of `<0x00>` to `<0xFF>`, or -1.
  static func fallbackIDs(_ vocabulary: Vocabulary) -> [Int32] {
    (0..<256).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return vocabulary.id(of: "<0x\(byte < 16 ? "0" : "")\(digits)>")
    }
  }

  /// Whether each byte has a character in the vocabulary that stands for it, or a token `<0x..>`.
  static func hasAllBytes(_ vocabulary: Vocabulary) -> Bool {
    let model = BPE(
      vocabulary: vocabulary, pairs: .merges(MergeTable([])), options: Options())
    return model.byteIDs.allSatisfy { $0 >= 0 } || model.fallbackIDs.allSatisfy { $0 >= 0 }
  }

  func encode(_ list: PieceList, into space: EncodingSpace) {
    guard cutsBeforeSpaceMarks, !list.isByteLevel else { return encodePieces(list, into: space) }
    guard let base = list.bytes.baseAddress else { return }
    let end = list.bytes.count
    for piece in list.pieces {
      var start = piece.start
      while start < piece.end {
        let stop = Self.nextCut(base, from: start, end: piece.end)
        encodeCached(base + start, count: stop - start, room: end - start, false, space)
        start = stop
      }
    }
  }

  /// Where the next run of "▁" begins after a character that is none, or `end`.
  private static func nextCut(_ bytes: UnsafePointer<UInt8>, from start: Int, end: Int) -> Int {
    func isMark(_ index: Int) -> Bool {
      bytes[index] == 0xE2 && index + 2 < end && bytes[index + 1] == 0x96
        && bytes[index + 2] == 0x81
    }
    var index = start
    while index < end, isMark(index) { index += 3 }
    while index < end, !isMark(index) { index += 1 }
    return index
  }

  /// Longer words are cut: positions in a word are 32 bits wide, and memory ends sooner.
  private static let longestWord = 1 << 28

  func encodeWord(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ isByteLevel: Bool, _ space: EncodingSpace
  ) {
    if count > Self.longestWord {
      var cut = Self.longestWord
      while cut > 0, bytes[cut] & 0xC0 == 0x80 { cut -= 1 }
      if cut == 0 { cut = Self.longestWord }
      encodeWord(bytes, cut, isByteLevel, space)
      return encodeWord(bytes + cut, count - cut, isByteLevel, space)
    }
    let isPlain = options.continuingPrefix.isEmpty && options.endSuffix.isEmpty
    if isByteLevel, options.ignoresMerges || !isPlain {
      var text: [UInt8] = []
      ByteAlphabet.encode(UnsafeBufferPointer(start: bytes, count: count), into: &text)
      return text.withUnsafeBufferPointer {
        encodeCharacters($0.baseAddress!, $0.count, isByteLevel ? (bytes, count) : nil, space)
      }
    }
    if isByteLevel {
      encodeBytes(bytes, count, space)
    } else {
      encodeCharacters(bytes, count, nil, space)
    }
  }

  /// Encodes a piece of which each byte is a symbol.
  private func encodeBytes(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ space: EncodingSpace
  ) {
    let merging = space.merging
    merging.reserve(count)
    var symbols = 0
    for index in 0..<count {
      let id = byteIDs[Int(bytes[index])]
      guard id >= 0 else {
        // A vocabulary without one of the bytes: the rules for unknown characters decide.
        var text: [UInt8] = []
        ByteAlphabet.encode(UnsafeBufferPointer(start: bytes, count: count), into: &text)
        return text.withUnsafeBufferPointer {
          encodeCharacters($0.baseAddress!, $0.count, nil, space)
        }
      }
      merging.symbols[symbols] = id
      symbols += 1
    }
    pairs.merge(symbols, in: merging, into: space)
  }

  /// Encodes a piece of which each character is a symbol.
  ///
  /// - Parameter original: the bytes that the characters stand for, when there are such.
  private func encodeCharacters(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ original: (UnsafePointer<UInt8>, Int)?,
    _ space: EncodingSpace
  ) {
    if options.ignoresMerges {
      let id = vocabulary.id(of: text, count: count)
      if id >= 0 { return space.append(id) }
    }
    if let (bytes, byteCount) = original, options.continuingPrefix.isEmpty,
      options.endSuffix.isEmpty, !(0..<byteCount).contains(where: { byteIDs[Int(bytes[$0])] < 0 })
    {
      return encodeBytes(bytes, byteCount, space)
    }
    let merging = space.merging
    merging.reserve(count)
    var symbols = 0
    var hasUnknown = false
    var index = 0
    while index < count {
      let length = decodeUTF8(text, at: index, end: count).length
      let isLast = index + length == count
      let id = symbol(text + index, length, isFirst: index == 0, isLast: isLast)
      if id >= 0 {
        if hasUnknown, let unknown = options.unknown {
          merging.symbols[symbols] = unknown
          symbols += 1
          hasUnknown = false
        }
        merging.symbols[symbols] = id
        symbols += 1
      } else if let bytes = fallback(text + index, length, isFirst: index == 0, isLast: isLast) {
        merging.reserve(symbols + bytes.count + count - index)
        for id in bytes {
          merging.symbols[symbols] = id
          symbols += 1
        }
      } else if let unknown = options.unknown {
        if hasUnknown, !options.fusesUnknown {
          merging.symbols[symbols] = unknown
          symbols += 1
        }
        hasUnknown = true
      }
      index += length
    }
    if hasUnknown, let unknown = options.unknown {
      merging.symbols[symbols] = unknown
      symbols += 1
    }
    pairs.merge(symbols, in: merging, into: space)
  }

  /// The id of a character, or -1.
  @inline(__always)
  private func symbol(
    _ text: UnsafePointer<UInt8>, _ length: Int, isFirst: Bool, isLast: Bool
  ) -> Int32 {
    if options.continuingPrefix.isEmpty, options.endSuffix.isEmpty {
      return length == 1 && text[0] < 128
        ? asciiIDs[Int(text[0])] : vocabulary.id(of: text, count: length)
    }
    return vocabulary.id(of: decorated(text, length, isFirst: isFirst, isLast: isLast))
  }

  private func decorated(
    _ text: UnsafePointer<UInt8>, _ length: Int, isFirst: Bool, isLast: Bool
  ) -> [UInt8] {
    (isFirst ? [] : options.continuingPrefix)
      + UnsafeBufferPointer(start: text, count: length) + (isLast ? options.endSuffix : [])
  }

  /// The ids of an unknown character's bytes; nil when they are not used or one is missing.
  private func fallback(
    _ text: UnsafePointer<UInt8>, _ length: Int, isFirst: Bool, isLast: Bool
  ) -> [Int32]? {
    guard options.fallsBackToBytes else { return nil }
    let ids = decorated(text, length, isFirst: isFirst, isLast: isLast).map {
      fallbackIDs[Int($0)]
    }
    return ids.allSatisfy { $0 >= 0 } ? ids : nil
  }
}
