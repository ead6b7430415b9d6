/// Takes the longest token that a word begins with, then the longest continuation, and so on.
///
/// BERT's model; a word that cannot be finished is unknown as a whole.
struct WordPiece: TokenModel {
  let vocabulary: Vocabulary
  let unknown: Int32
  /// What tokens that continue a word begin with.
  let continuingPrefix: [UInt8]
  /// Words of more characters are unknown.
  let maximumCharacters: Int

  func encodeWord(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ isByteLevel: Bool, _ space: EncodingSpace
  ) {
    withCharacters(bytes, count, isByteLevel) { text, count in
      guard let ids = ids(text, count) else { return space.append(unknown) }
      for id in ids { space.append(id) }
    }
  }

  private func ids(_ text: UnsafePointer<UInt8>, _ count: Int) -> [Int32]? {
    var bounds = [0]
    while bounds[bounds.count - 1] < count {
      guard bounds.count <= maximumCharacters else { return nil }
      let start = bounds[bounds.count - 1]
      bounds.append(start + decodeUTF8(text, at: start, end: count).length)
    }
    var ids: [Int32] = []
    var start = 0
    while start < bounds.count - 1 {
      let prefix = start > 0 ? continuingPrefix : []
      var end = bounds.count - 1
      var found: Int32 = -1
      var candidate =
        prefix + UnsafeBufferPointer(start: text + bounds[start], count: count - bounds[start])
      while end > start {
        found = vocabulary.id(of: candidate)
        if found >= 0 { break }
        candidate.removeLast(bounds[end] - bounds[end - 1])
        end -= 1
      }
      guard found >= 0 else { return nil }
      ids.append(found)
      start = end
    }
    return ids
  }
}

/// Each piece is a token or unknown.
struct WordLevel: TokenModel {
  let vocabulary: Vocabulary
  let unknown: Int32

  func encodeWord(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ isByteLevel: Bool, _ space: EncodingSpace
  ) {
    withCharacters(bytes, count, isByteLevel) { text, count in
      let id = vocabulary.id(of: text, count: count)
      space.append(id >= 0 ? id : unknown)
    }
  }
}
