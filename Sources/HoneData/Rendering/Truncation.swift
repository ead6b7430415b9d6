/// What becomes of sequences that are longer than a row.
package enum Truncation: String, Sendable, CaseIterable {
  /// Plain text is split, all else loses its end.
  case auto
  /// Their end is cut off.
  case end
  /// Their beginning is cut off, all but the beginning-of-text token.
  case start
  /// They are left out.
  case drop
  /// They become several sequences.
  case split

  /// What is done with a format's sequences.
  func resolved(for format: ExampleFormat) -> Truncation {
    self == .auto ? (format == .text ? .split : .end) : self
  }

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
    case .auto, .end: return [piece(0..<limit)]
    case .start:
      var kept = piece(count - limit..<count)
      if let first, sequence.ids.first == first {
        kept.ids[0] = first
        kept.trained[0] = false
      }
      return [kept]
    case .drop: return []
    case .split:
      return stride(from: 0, to: count, by: limit).map { piece($0..<min(count, $0 + limit)) }
    }
  }
}
