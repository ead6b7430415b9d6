/// A file of the user's, as text with its headings.
package struct Document: Equatable, Sendable {
  /// What the file was before it became text.
  package enum Kind: String, CaseIterable, Sendable {
    case text, markdown, html, csv
    case jsonLines = "jsonl"
    case pdf, docx
  }

  /// A stretch of text under a heading, up to the next heading of any level.
  package struct Section: Equatable, Sendable {
    /// The headings above the text, the document's own first; empty before the first heading.
    package var headings: [String]
    /// Where the text stands, in bytes of ``Document/text``; the heading itself is left out.
    package var range: Range<Int>

    package init(headings: [String], range: Range<Int>) {
      self.headings = headings
      self.range = range
    }
  }

  /// The path below the folder that was named, with `/` between its parts; a file's own name when a
  /// file was named.
  package let path: String
  /// The first heading or the title that the file states, else its name.
  package let title: String
  package let kind: Kind
  /// The text, in UTF-8 with `\n` at line ends, whatever the file was.
  package let text: String
  /// The sections in their order, none without text.
  package let sections: [Section]
  /// The SHA-256 of the file's bytes.
  package let digest: String

  package init(
    path: String, title: String, kind: Kind, text: String, sections: [Section], digest: String
  ) {
    self.path = path
    self.title = title
    self.kind = kind
    self.text = text
    self.sections = sections
    self.digest = digest
  }

  /// The text of a range of bytes.
  package subscript(bytes: Range<Int>) -> Substring {
    let start = text.utf8.index(text.startIndex, offsetBy: bytes.lowerBound)
    return text[start..<text.utf8.index(start, offsetBy: bytes.count)]
  }
}
