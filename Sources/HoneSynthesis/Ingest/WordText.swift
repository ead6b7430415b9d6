/// The main part of a Word document (`word/document.xml` of a .docx file) as headings and blocks.
///
/// ECMA-376, part 1, chapter 17: paragraphs `w:p` with runs of text `w:t`; headings have a style named
/// `Heading1`, `Heading 1` or the outline level of one.
enum WordText {
  static func add(_ xml: String, to builder: inout DocumentBuilder) {
    var scanner = MarkupScanner(xml)
    var paragraph = ""
    var level: Int?
    var isTitle = false
    var isItem = false
    var isText = false
    var row: [String]?
    /// Lines of a list or a table, which are one block.
    var lines: [String] = []

    func endLines() {
      builder.addParagraph(lines.joined(separator: "\n"))
      lines.removeAll()
    }
    func endParagraph() {
      let text = paragraph
      paragraph = ""
      defer { (level, isTitle, isItem) = (nil, false, false) }
      if row != nil {
        if !text.trimmed.isEmpty { row?.append(text.collapsingSpaces) }
      } else if isItem {
        lines.append("- \(text.trimmed)")
      } else {
        endLines()
        if isTitle { builder.setTitle(text) }
        if let level {
          builder.addHeading(text, level: level)
        } else {
          builder.addParagraph(text)
        }
      }
    }
    while let item = scanner.next() {
      switch item {
      case .open("w:t", _): isText = true
      case .close("w:t"): isText = false
      case .text(let text) where isText: paragraph += text
      case .open("w:tab", _): paragraph += "\t"
      case .open("w:br", _), .open("w:cr", _): paragraph += "\n"
      case .open("w:pstyle", let attributes):
        let style = (attributes["w:val"] ?? "").lowercased().filter { $0 != " " }
        isTitle = style == "title"
        if isTitle { level = 1 }
        if style.hasPrefix("heading") || style.hasPrefix("berschrift") || style.hasPrefix("titre") {
          level = style.last?.wholeNumberValue.flatMap { (1...9).contains($0) ? $0 : nil }
        }
        if style.hasPrefix("list") { isItem = true }
      case .open("w:outlinelvl", let attributes):
        if let number = attributes["w:val"].flatMap({ Int($0) }), (0...8).contains(number) {
          level = number + 1
        }
      case .open("w:numpr", _): isItem = true
      case .open("w:tr", _): row = []
      case .close("w:tr"):
        if let cells = row, !cells.isEmpty { lines.append(cells.joined(separator: " | ")) }
        row = nil
      case .close("w:p"): endParagraph()
      case .close("w:tbl"): endLines()
      default: break
      }
    }
    endLines()
  }
}
