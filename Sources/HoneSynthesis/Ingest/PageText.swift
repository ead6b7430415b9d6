/// The text of a PDF's pages as blocks: the lines of a paragraph joined, words that were divided at a
/// line's end put together again.
///
/// A PDF knows no headings, only sizes of type, which `pdftotext` does not tell; its text is one
/// section.
enum PageText {
  static func add(_ text: String, to builder: inout DocumentBuilder) {
    var paragraph = ""
    for line in text.split(
      omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\u{0C}" })
    {
      let content = line.trimmed
      if content.isEmpty {
        builder.addParagraph(paragraph)
        paragraph = ""
      } else if paragraph.isEmpty || content.isListItem {
        paragraph += paragraph.isEmpty ? content : "\n\(content)"
      } else if paragraph.hasSuffix("-"), paragraph.dropLast().last?.isLowercase == true,
        content.first?.isLowercase == true
      {
        paragraph.removeLast()
        paragraph += content
      } else {
        paragraph += " \(content)"
      }
    }
    builder.addParagraph(paragraph)
  }
}
