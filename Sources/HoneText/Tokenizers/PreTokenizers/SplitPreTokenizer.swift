/// Splits at what a pattern matches.
struct SplitPreTokenizer: PreTokenizer {
  /// What becomes of a match.
  enum Behavior: String, Sendable, CaseIterable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  let pattern: TextPattern
  let behavior: Behavior
  /// Whether what the pattern does not match counts as the match.
  var isInverted = false

  func apply(to list: PieceList) {
    if behavior == .isolated {
      list.split { bytes, piece, pieces in
        Self.isolate(pattern, bytes, piece, &pieces)
      }
    } else {
      list.split { bytes, piece, pieces in
        combine(parts(bytes, piece), &pieces)
      }
    }
  }

  /// Appends matches and what stands between them, all as pieces.
  @inline(__always)
  static func isolate(
    _ pattern: TextPattern, _ bytes: UnsafePointer<UInt8>, _ piece: PieceList.Piece,
    _ pieces: inout [PieceList.Piece]
  ) {
    // The piece is the whole text that the pattern sees.
    let base = bytes + piece.start
    let count = piece.end - piece.start
    var done = 0
    var searchStart = 0
    while let (start, end) = pattern.firstMatch(base, from: searchStart, end: count) {
      if start > done {
        pieces.append(.init(start: piece.start + done, end: piece.start + start))
      }
      if end > start { pieces.append(.init(start: piece.start + start, end: piece.start + end)) }
      // A match of nothing does not follow another match, so the search goes on a character later.
      searchStart = end
      if end == start, end < count {
        searchStart = end + decodeUTF8(base, at: end, end: count).length
      }
      done = end
      if searchStart >= count { break }
    }
    if done < count { pieces.append(.init(start: piece.start + done, end: piece.end)) }
  }

  private struct Part {
    var piece: PieceList.Piece
    var isMatch: Bool
  }

  private func parts(_ bytes: UnsafePointer<UInt8>, _ piece: PieceList.Piece) -> [Part] {
    let base = bytes + piece.start
    let count = piece.end - piece.start
    var parts: [Part] = []
    func add(_ start: Int, _ end: Int, _ isMatch: Bool) {
      parts.append(
        Part(
          piece: .init(start: piece.start + start, end: piece.start + end),
          isMatch: isMatch != isInverted))
    }
    var done = 0
    var searchStart = 0
    while let (start, end) = pattern.firstMatch(base, from: searchStart, end: count) {
      if start > done { add(done, start, false) }
      if end > start || start > done || done == 0 { add(start, end, true) }
      searchStart = end
      if end == start, end < count {
        searchStart = end + decodeUTF8(base, at: end, end: count).length
      }
      done = end
      if searchStart >= count { break }
    }
    if done < count { add(done, count, false) }
    return parts
  }

  private func combine(_ parts: [Part], _ pieces: inout [PieceList.Piece]) {
    switch behavior {
    case .isolated: pieces += parts.map(\.piece).filter { $0.start < $0.end }
    case .removed:
      pieces += parts.filter { !$0.isMatch }.map(\.piece).filter { $0.start < $0.end }
    case .contiguous:
      append(parts, to: &pieces) { $0 == $1 }
    case .mergedWithPrevious:
      append(parts, to: &pieces) { previous, current in current && !previous }
    case .mergedWithNext:
      // Seen from the end, a match joins what was seen before it unless that was a match too.
      var groups: [PieceList.Piece] = []
      var previous = false
      for part in parts.reversed() {
        if part.isMatch, !previous, !groups.isEmpty {
          groups[groups.count - 1].start = part.piece.start
        } else {
          groups.append(part.piece)
        }
        previous = part.isMatch
      }
      pieces += groups.reversed().filter { $0.start < $0.end }
    }
  }

  /// Appends parts, joining one to the last when the rule says so of (the last was a match, this
  /// is one).
  private func append(
    _ parts: [Part], to pieces: inout [PieceList.Piece], joins: (Bool, Bool) -> Bool
  ) {
    var groups: [PieceList.Piece] = []
    var previous = false
    for part in parts {
      if joins(previous, part.isMatch), !groups.isEmpty {
        groups[groups.count - 1].end = part.piece.end
      } else {
        groups.append(part.piece)
      }
      previous = part.isMatch
    }
    pieces += groups.filter { $0.start < $0.end }
  }
}
