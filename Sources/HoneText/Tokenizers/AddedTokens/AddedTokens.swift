/// A tokenizer's added tokens, by id and by content, and the search for them.
struct AddedTokens: Sendable {
  /// In the order of their ids.
  let all: [AddedToken]
  /// Those looked for in the text as it is.
  let inText: AddedTokenMatcher
  /// Those looked for in the normalised text.
  let inNormalizedText: AddedTokenMatcher
  private let positions: [Int32: Int]
  private let ids: [[UInt8]: Int32]

  /// - Parameter normalizer: what the text, and so a normalised token's content, goes through.
  init(_ tokens: [AddedToken], normalizer: (any Normalizer)?) {
    let tokens = tokens.map { token in
      guard token.isNormalized, token.normalizedContent == nil else { return token }
      var token = token
      var content = token.content
      normalizer?.normalize(&content)
      token.normalizedContent = content
      return token
    }
    all = tokens.sorted { $0.id < $1.id }
    positions = Dictionary(zip(all.map(\.id), all.indices)) { first, _ in first }
    ids = Dictionary(all.map { ($0.content, $0.id) }) { first, _ in first }
    let plain = tokens.filter { !$0.isNormalized }
    let normalized = tokens.filter(\.isNormalized)
    inText = AddedTokenMatcher(plain, contents: plain.map(\.content))
    inNormalizedText = AddedTokenMatcher(normalized, contents: normalized.map(\.spelling))
  }

  subscript(id: Int32) -> AddedToken? { positions[id].map { all[$0] } }

  func id(of content: [UInt8]) -> Int32? { ids[content] }
}
