/// Which neighbours merge, and which first.
enum PairRanks: Sendable {
  /// By a list of merges.
  case merges(MergeTable)
  /// By the scores of the tokens that they would become, as in SentencePiece's models.
  case scores(TokenScores)

  /// Merges the first `count` symbols of the space and appends what remains.
  func merge(_ count: Int, in merging: MergeSpace, into space: EncodingSpace) {
    switch self {
    case .merges(let table):
      merging.merge(count, into: space) { table.value($0, $1) }
    case .scores(let scores):
      merging.merge(count, into: space) { scores.value($0, $1) }
    }
  }

  /// Whether a merge could join a character and a "▁" after it.
  func crossesSpaceMark(in vocabulary: Vocabulary) -> Bool {
    switch self {
    case .merges(let table):
      table.results.contains { Self.crossesSpaceMark(vocabulary.text(of: Int($0))) }
    case .scores:
      (0..<vocabulary.count).contains { Self.crossesSpaceMark(vocabulary.text(of: $0)) }
    }
  }

  private static func crossesSpaceMark(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var index = 0
    var wasMark = true
    while index < text.count {
      let isMark =
        text[index] == 0xE2 && index + 2 < text.count && text[index + 1] == 0x96
        && text[index + 2] == 0x81
      if isMark, !wasMark { return true }
      wasMark = isMark
      index += isMark ? 3 : 1
    }
    return false
  }
}

/// The order in which SentencePiece merges: the pair whose joined text is the best-scored token.
///
/// Of two ways to make the same token, the one with the longer left part comes first, as in the
/// merges that transformers derives from a vocabulary.
struct TokenScores: Sendable {
  private let vocabulary: Vocabulary
  /// For each token its place among all, best score first; equal scores have equal places.
  private let ranks: [UInt32]

  /// Places in the order of ranks for the lengths of left parts.
  private static let lengths: UInt64 = 64

  init(vocabulary: Vocabulary, scores: [Float]) {
    self.vocabulary = vocabulary
    // NaN is not an order; it counts as the worst.
    let keys = scores.map { $0.isNaN ? -Float.infinity : $0 }
    var ranks = [UInt32](repeating: 0, count: vocabulary.count)
    var rank: UInt32 = 0
    var previous: Int?
    for id in keys.indices.sorted(by: { keys[$0] > keys[$1] }) {
      if let previous, keys[previous] != keys[id] { rank += 1 }
      ranks[id] = rank
      previous = id
    }
    self.ranks = ranks
  }

  func value(_ left: Int32, _ right: Int32) -> UInt64 {
    let first = vocabulary.text(of: Int(left))
    let second = vocabulary.text(of: Int(right))
    let count = first.count + second.count
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { joined in
      guard let base = joined.baseAddress, count > 0 else { return MergeTable.none }
      for index in 0..<first.count { base[index] = first[index] }
      for index in 0..<second.count { base[first.count + index] = second[index] }
      let id = vocabulary.id(of: base, count: count)
      guard id >= 0 else { return MergeTable.none }
      let length = min(UInt64(first.lazy.filter { $0 & 0xC0 != 0x80 }.count), Self.lengths - 1)
      let rank = UInt64(ranks[Int(id)]) * Self.lengths + Self.lengths - 1 - length
      return rank << 32 | UInt64(UInt32(bitPattern: id))
    }
  }

  /// The same order as a list: the pairs of tokens that give a token, best first.
  var merges: [(left: Int, right: Int)] {
    var found: [(order: UInt64, left: Int, right: Int)] = []
    for id in 0..<vocabulary.count {
      let text = vocabulary.text(of: id)
      guard let base = text.baseAddress else { continue }
      for middle in text.indices.dropFirst() where text[middle] & 0xC0 != 0x80 {
        let left = vocabulary.id(of: base, count: middle)
        let right = vocabulary.id(of: base + middle, count: text.count - middle)
        guard left >= 0, right >= 0 else { continue }
        found.append((value(left, right), Int(left), Int(right)))
      }
    }
    return found.sorted { $0.order < $1.order }.map { ($0.left, $0.right) }
  }
}
