import Foundation

/// Chooses the statements of a passage that can be answers.
package enum StatementSelection {
  /// Whole sentences of some length that do not lean on the one before.
  package static func statements(of chunk: Chunk) -> [Statement] {
    let bytes = Array(chunk.text.utf8)
    return SentenceSplitter.ranges(in: chunk.text).compactMap { range in
      guard range.lowerBound >= chunk.overlap else { return nil }
      let text = String(decoding: bytes[range], as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines)
      let words = text.split(separator: " ").count
      guard (6...45).contains(words), text.last == "." else { return nil }
      let start = chunk.range.lowerBound + range.lowerBound
      return Statement(text: text, range: start..<start + text.utf8.count)
    }
  }
}
