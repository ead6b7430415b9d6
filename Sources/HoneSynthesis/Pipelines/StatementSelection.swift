import Foundation

/// Chooses the statements of a passage that can be answers.
package enum StatementSelection {
  /// Whole sentences of some length that do not lean on what stands around them, in one line each: a text's lines end
  /// where its page did. Without the mark of a note or an item before them.
  package static func statements(of chunk: Chunk) -> [Statement] {
    let bytes = Array(chunk.text.utf8)
    return SentenceSplitter.ranges(in: chunk.text).compactMap { range in
      guard range.lowerBound >= chunk.overlap else { return nil }
      let sentence = String(decoding: bytes[range], as: UTF8.self)
      let lead = sentence.prefixMatch(of: mark)?.0.utf8.count ?? 0
      let stated = String(decoding: bytes[range].dropFirst(lead), as: UTF8.self)
      let length =
        stated.utf8.count
        - stated.reversed().prefix(while: \.isWhitespace).reduce(0) {
          $0 + $1.utf8.count
        }
      let text = stated.collapsingSpaces
      let words = text.split(separator: " ").count
      guard (6...45).contains(words), text.last == ".", !leans(text) else { return nil }
      let start = chunk.range.lowerBound + range.lowerBound + lead
      return Statement(text: text, range: start..<start + length)
    }
  }

  /// White space, and what numbers a note or begins an item: `[9]`, `(a)`, `11.`, `-`.
  nonisolated(unsafe) private static let mark =
    /\s*(?:(?:\[\w{1,3}\]|\(\w{1,3}\)|\d{1,3}[.)]|[-*+•–])\s+)?/

  /// Words that a sentence begins with when it goes on from the one before.
  private static let leaning: Set<String> = [
    "this", "these", "those", "that", "such", "however", "therefore", "thus", "hence", "otherwise",
    "moreover",
    "furthermore", "similarly", "likewise", "nevertheless", "nonetheless", "instead", "also",
    "then", "so", "but",
    "and", "or", "yet", "consequently", "accordingly",
  ]
  /// What is said of other places of the text.
  private static let pointers = [
    "the following", "as follows", "described above", "described below", "mentioned above",
    "listed above", "listed below",
    "the above", "see above", "see below", "as above", "in this case", "in that case",
    "in these cases", "in this section",
    "for example", "for instance",
  ]

  private static func leans(_ statement: String) -> Bool {
    let words = Words.lowercased(statement)
    guard let first = words.first else { return true }
    let text = " " + words.joined(separator: " ") + " "
    return leaning.contains(first) || pointers.contains { text.contains(" \($0) ") }
  }
}
