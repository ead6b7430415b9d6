/// Splits as GPT-2 does and has the model read bytes, each written as a character that stands for
/// it.
struct ByteLevelPreTokenizer: PreTokenizer {
  /// Whether a piece that does not begin with a space gets one.
  let addsPrefixSpace: Bool
  /// GPT-2's pattern, or nil when the text has been split already.
  let pattern: TextPattern?
  /// Whether it is the last pre-tokeniser, so that the model can read the bytes themselves; else
  /// the characters are written out for those after it.
  var isLast = true

  /// Contractions, letters, numbers and other runs, each with a space before it, and spaces.
  static let pattern =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  init(addsPrefixSpace: Bool, splits: Bool) throws {
    self.addsPrefixSpace = addsPrefixSpace
    pattern = splits ? try TextPattern(Self.pattern) : nil
  }

  func apply(to list: PieceList) {
    if addsPrefixSpace {
      list.rewrite { piece, _, text in
        if piece.first != 0x20 { text.append(0x20) }
        text.append(contentsOf: piece)
      }
    }
    if let pattern {
      list.split { bytes, piece, pieces in
        SplitPreTokenizer.isolate(pattern, bytes, piece, &pieces)
      }
    }
    if isLast {
      list.isByteLevel = true
    } else {
      list.rewrite { piece, _, text in ByteAlphabet.encode(piece, into: &text) }
    }
  }
}
