/// What becomes of sequences that are longer than a row.
package enum Truncation: String, Sendable, CaseIterable {
  /// Their end is cut off.
  case end
  /// Their beginning is cut off.
  case start
  /// They are left out.
  case drop
  /// They become several sequences; sensible for plain text.
  case split

  /// A sequence in pieces that fit.
  package func fit(_ sequence: TokenSequence, within limit: Int) -> [TokenSequence] {
    let count = sequence.ids.count
    guard count > limit else { return [sequence] }
    func piece(_ range: Range<Int>) -> TokenSequence {
      TokenSequence(ids: Array(sequence.ids[range]), trained: Array(sequence.trained[range]))
    }
    switch self {
    case .end: return [piece(0..<limit)]
    case .start: return [piece(count - limit..<count)]
    case .drop: return []
    case .split:
      return stride(from: 0, to: count, by: limit).map { piece($0..<min(count, $0 + limit)) }
    }
  }
}
