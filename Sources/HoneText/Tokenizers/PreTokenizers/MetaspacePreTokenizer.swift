/// Writes a visible mark for each space, puts one before the text, and splits before the marks.
///
/// SentencePiece's way of keeping spaces.
struct MetaspacePreTokenizer: PreTokenizer {
  enum PrependScheme: String, Sendable, CaseIterable {
    /// Before each piece of text.
    case always
    /// Before a piece at the beginning of the whole text.
    case first
    case never
  }

  let mark: [UInt8]
  let prepends: PrependScheme
  private let splitter: SplitPreTokenizer?

  init(mark: Unicode.Scalar, prepends: PrependScheme, splits: Bool) {
    var bytes: [UInt8] = []
    bytes.append(codePoint: mark.value)
    self.mark = bytes
    self.prepends = prepends
    splitter =
      splits
      ? SplitPreTokenizer(
        pattern: TextPattern(CodePointSet(mark.value...mark.value)), behavior: .mergedWithNext)
      : nil
  }

  func apply(to list: PieceList) {
    list.rewrite { piece, isAtTextStart, text in
      let beginsWithMark = piece.first == 0x20 || piece.starts(with: mark)
      if !beginsWithMark, prepends == .always || prepends == .first && isAtTextStart {
        text += mark
      }
      for byte in piece {
        if byte == 0x20 { text += mark } else { text.append(byte) }
      }
    }
    splitter?.apply(to: list)
  }
}
