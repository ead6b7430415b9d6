/// What becomes of sequences that are longer than a row.
package enum Truncation: String, Sendable, CaseIterable {
  /// Their end is cut off.
  case end
  /// Their beginning is cut off, all but the beginning-of-text token.
  case start
  /// They are left out.
  case drop
  /// They become several sequences; what plain text gets unless told otherwise.
  case split
  /// They are an error.
  case error

  /// A sequence in pieces that fit.
  ///
  /// - Parameter first: the token that stays in front when the beginning is cut off.
  package func fit(
    _ sequence: TokenSequence, within limit: Int, keeping first: Int32? = nil
  ) -> [TokenSequence] {
    let count = sequence.ids.count
    guard count > limit else { return [sequence] }
    func piece(_ range: Range<Int>) -> TokenSequence {
      TokenSequence(ids: Array(sequence.ids[range]), trained: Array(sequence.trained[range]))
    }
    switch self {
    case .end: return [piece(0..<limit)]
    case .start:
      var kept = piece(count - limit..<count)
      if let first, sequence.ids.first == first {
        kept.ids[0] = first
        kept.trained[0] = false
      }
      return [kept]
    case .drop, .error: return []
    case .split:
      return stride(from: 0, to: count, by: limit).map { piece($0..<min(count, $0 + limit)) }
    }
  }
}
