/// A text and the pieces into which it has been split so far.
///
/// Pre-tokenisers split the pieces further, drop some, or write the text anew.
final class PieceList {
  struct Piece: Equatable {
    var start: Int
    var end: Int
  }

  /// The text; pieces are ranges of it.
  private(set) var bytes = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
  private(set) var pieces: [Piece] = []
  /// Whether the first piece begins where the whole text begins.
  private(set) var isAtTextStart = false
  /// Whether the model is to read each byte as the character that stands for it in byte-level
  /// vocabularies.
  var isByteLevel = false
  private var spare: [Piece] = []
  private var written: [UInt8] = []
  /// Holds the text when a pre-tokeniser has written it.
  private var owned = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 0)

  deinit { owned.deallocate() }

  /// Begins anew with one piece.
  func reset(_ bytes: UnsafeBufferPointer<UInt8>, isAtTextStart: Bool) {
    self.bytes = bytes
    self.isAtTextStart = isAtTextStart
    isByteLevel = false
    pieces.removeAll(keepingCapacity: true)
    if !bytes.isEmpty { pieces.append(Piece(start: 0, end: bytes.count)) }
  }

  /// Replaces each piece by those that `split` appends for it.
  @inline(__always)
  func split(_ split: (UnsafePointer<UInt8>, Piece, inout [Piece]) -> Void) {
    guard let base = bytes.baseAddress else { return }
    swap(&pieces, &spare)
    pieces.removeAll(keepingCapacity: true)
    for piece in spare { split(base, piece, &pieces) }
  }

  /// Writes each piece's text anew: `write` appends it to the bytes it is given.
  func rewrite(
    _ write: (_ piece: UnsafeBufferPointer<UInt8>, _ isAtTextStart: Bool, inout [UInt8]) -> Void
  ) {
    written.removeAll(keepingCapacity: true)
    for index in pieces.indices {
      let piece = pieces[index]
      let start = written.count
      write(
        UnsafeBufferPointer(rebasing: bytes[piece.start..<piece.end]),
        index == 0 && isAtTextStart && piece.start == 0, &written)
      pieces[index] = Piece(start: start, end: written.count)
    }
    if owned.count < written.count {
      owned.deallocate()
      owned = .allocate(capacity: written.count * 2)
    }
    _ = owned.update(fromContentsOf: written)
    bytes = UnsafeBufferPointer(rebasing: owned[..<written.count])
    pieces.removeAll { $0.start == $0.end }
  }
}
