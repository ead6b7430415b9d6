/// Turns pieces of text into ids.
protocol TokenModel: Sendable {
  var vocabulary: Vocabulary { get }
  /// Appends the ids of the pieces.
  func encode(_ pieces: PieceList, into space: EncodingSpace)
  /// Appends the ids of one piece.
  ///
  /// - Parameter isByteLevel: whether the bytes are to be read as the characters that stand for
  ///   them.
  func encodeWord(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ isByteLevel: Bool, _ space: EncodingSpace)
}

extension TokenModel {
  func encode(_ pieces: PieceList, into space: EncodingSpace) {
    encodePieces(pieces, into: space)
  }

  @inline(__always)
  func encodePieces(_ list: PieceList, into space: EncodingSpace) {
    guard let base = list.bytes.baseAddress else { return }
    let end = list.bytes.count
    let isByteLevel = list.isByteLevel
    for piece in list.pieces {
      encodeCached(
        base + piece.start, count: piece.end - piece.start, room: end - piece.start, isByteLevel,
        space)
    }
  }

  /// Encodes a piece, or takes what the same piece became before.
  ///
  /// - Parameter room: how many bytes may be read from the piece's start.
  @inline(__always)
  func encodeCached(
    _ bytes: UnsafePointer<UInt8>, count: Int, room: Int, _ isByteLevel: Bool,
    _ space: EncodingSpace
  ) {
    guard count <= WordCache.maximumLength else {
      return encodeWord(bytes, count, isByteLevel, space)
    }
    let key = WordCache.key(bytes, count: count, room: room)
    let entry = space.words.entries + space.words.place(of: key)
    if entry.pointee.key == key {
      let ids = entry.pointee.ids
      space.append(ids, used: ids[3] >= 0 ? 4 : ids[2] >= 0 ? 3 : ids[1] >= 0 ? 2 : 1)
      return
    }
    encodeNew(bytes, count, key, entry, isByteLevel, space)
  }

  @inline(never)
  private func encodeNew(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ key: WordCache.Key,
    _ entry: UnsafeMutablePointer<WordCache.Entry>, _ isByteLevel: Bool, _ space: EncodingSpace
  ) {
    let before = space.count
    encodeWord(bytes, count, isByteLevel, space)
    let made = space.count - before
    guard 1...WordCache.maximumIDs ~= made else { return }
    var ids = SIMD4<Int32>(repeating: -1)
    for index in 0..<made { ids[index] = space.ids[before + index] }
    entry.pointee = WordCache.Entry(key: key, ids: ids)
  }

  /// Calls `body` with a piece as characters, written out when it is to be read as bytes.
  @inline(__always)
  func withCharacters(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ isByteLevel: Bool,
    _ body: (UnsafePointer<UInt8>, Int) -> Void
  ) {
    guard isByteLevel else { return body(bytes, count) }
    var text: [UInt8] = []
    ByteAlphabet.encode(UnsafeBufferPointer(start: bytes, count: count), into: &text)
    text.withUnsafeBufferPointer { body($0.baseAddress!, $0.count) }
  }
}
