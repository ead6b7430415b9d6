/// Splits a text into pieces, each of which the model encodes by itself.
protocol PreTokenizer: Sendable {
  func apply(to list: PieceList)
}

/// Several, one after the other.
struct PreTokenizerSequence: PreTokenizer {
  let items: [any PreTokenizer]

  func apply(to list: PieceList) {
    for item in items { item.apply(to: list) }
  }
}
