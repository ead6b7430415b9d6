/// A passage of a document: what a teacher reads at once, and what an answer must be true of.
package struct Chunk: Equatable, Sendable, Identifiable {
  /// Which side of the run it is on, fixed before anything is generated.
  package enum Split: String, CaseIterable, Sendable {
    /// Becomes training data.
    case train
    /// Becomes the exam; no training data may come from it.
    case heldOut = "held_out"
  }

  /// A name from the headings and the text that is its own, without the overlap: it stays the same
  /// when the document moves, or changes elsewhere.
  package let id: String
  /// The document's path.
  package let document: String
  package let documentDigest: String
  /// The headings above it, the document's own first.
  package let headings: [String]
  /// Where it stands, in bytes of the document's text.
  package let range: Range<Int>
  /// How many bytes at its beginning also end the chunk before.
  package let overlap: Int
  package let text: String
  /// The tokens of ``text``, by the tokenizer that chunked it.
  package let tokenCount: Int
  package var split: Split

  package init(
    document: String, documentDigest: String, headings: [String], range: Range<Int>,
    overlap: Int = 0, text: String, tokenCount: Int, split: Split = .train
  ) {
    self.document = document
    self.documentDigest = documentDigest
    self.headings = headings
    self.range = range
    self.overlap = overlap
    self.text = text
    self.tokenCount = tokenCount
    self.split = split
    let own = Self.text(text, without: overlap)
    id = Digest.name(of: ["chunk", headings.joined(separator: "\n"), own])
  }

  private static func text(_ text: String, without overlap: Int) -> String {
    String(decoding: text.utf8.dropFirst(overlap), as: UTF8.self)
  }

  /// The text without what it repeats of the chunk before.
  package var ownText: String { Self.text(text, without: overlap) }

  /// The headings in one line, `Handbook > Boats > Fuel`; empty when there are none.
  package var headingPath: String { headings.joined(separator: " > ") }

  /// The passage as it is shown to a teacher: the headings, then the text.
  package var passage: String { headings.isEmpty ? text : "\(headingPath)\n\n\(text)" }

  /// The same without what it repeats of the chunk before.
  package var ownPassage: String {
    headings.isEmpty ? ownText.trimmed : "\(headingPath)\n\n\(ownText.trimmed)"
  }
}
