/// A web page as headings and blocks: scripts, styles and navigation left out, lists and tables as
/// lines, preformatted text as it stands.
struct HTMLText {
  /// Elements of which nothing is read.
  private static let skipped: Set = [
    "script", "style", "noscript", "template", "svg", "iframe", "nav", "math", "canvas",
  ]
  /// Those of them whose contents are no markup.
  private static let raw: Set = ["script", "style", "noscript", "iframe"]
  /// Elements that stand on lines of their own.
  private static let blocks: Set = [
    "p", "div", "ul", "ol", "dl", "table", "blockquote", "section", "article", "main", "header",
    "footer", "aside", "figure", "figcaption", "form", "fieldset", "address", "hr", "body", "html",
    "details", "summary", "pre", "head",
  ]

  private var builder: DocumentBuilder
  private var block = ""
  /// The level of the heading that is being read.
  private var heading: Int?
  private var title: String?
  private var preformattedDepth = 0
  private var hasCell = false

  static func add(_ text: String, to builder: inout DocumentBuilder) {
    var page = HTMLText(builder: builder)
    page.read(text)
    builder = page.builder
  }

  private init(builder: DocumentBuilder) { self.builder = builder }

  private mutating func read(_ text: String) {
    var scanner = MarkupScanner(text)
    var skippedElement: String?
    var skippedDepth = 0
    while let item = scanner.next() {
      if let name = skippedElement {
        switch item {
        case .open(name, _): skippedDepth += 1
        case .close(name):
          skippedDepth -= 1
          if skippedDepth == 0 { skippedElement = nil }
        default: break
        }
        continue
      }
      switch item {
      case .text(let text): append(text)
      case .open(let name, _) where Self.raw.contains(name): scanner.skipContents(of: name)
      case .open(let name, _) where Self.skipped.contains(name):
        (skippedElement, skippedDepth) = (name, 1)
      case .open(let name, _): open(name)
      case .close(let name): close(name)
      }
    }
    endBlock()
  }

  private mutating func append(_ text: String) {
    if title != nil {
      title? += text
    } else if preformattedDepth > 0 {
      block += text
    } else {
      let words = text.collapsingSpaces
      let begins = text.unicodeScalars.first?.properties.isWhitespace == true
      let ends = text.unicodeScalars.last?.properties.isWhitespace == true
      if begins { appendSpace() }
      block += words
      if ends, !words.isEmpty { appendSpace() }
    }
  }

  private mutating func appendSpace() {
    if let last = block.unicodeScalars.last, !last.properties.isWhitespace { block += " " }
  }

  private mutating func open(_ name: String) {
    switch name {
    case "title" where heading == nil: title = ""
    case "h1", "h2", "h3", "h4", "h5", "h6":
      endBlock()
      heading = Int(name.dropFirst())
    case "br": block += "\n"
    case "li":
      newLine()
      block += "- "
    case "tr":
      newLine()
      hasCell = false
    case "td", "th":
      if hasCell { block += " | " }
      hasCell = true
    case "dt", "dd", "option": newLine()
    case "pre":
      endBlock()
      preformattedDepth += 1
    // A list in a list goes on with the block.
    case "ul",
      "ol" where block.contains("- "):
      newLine()
    case _ where Self.blocks.contains(name): endBlockUnlessInItem()
    default: break
    }
  }

  private mutating func close(_ name: String) {
    switch name {
    case "title":
      if let title { builder.setTitle(title) }
      title = nil
    case "h1", "h2", "h3", "h4", "h5", "h6": endBlock()
    case "pre":
      endBlock()
      preformattedDepth = max(0, preformattedDepth - 1)
    case "ul", "ol", "dl", "table": if heading == nil { newLine() }
    case "li", "tr", "td", "th", "dt", "dd": break
    case _ where Self.blocks.contains(name): endBlockUnlessInItem()
    default: break
    }
  }

  private mutating func newLine() {
    while block.hasSuffix(" ") { block.removeLast() }
    if !block.isEmpty, !block.hasSuffix("\n") { block += "\n" }
  }

  /// `<li><p>` and `<td><p>` are one line, not two blocks.
  private mutating func endBlockUnlessInItem() {
    if block.hasSuffix("- ") || block.hasSuffix(" | ") { return }
    endBlock()
  }

  private mutating func endBlock() {
    let text = block
    block = ""
    if let level = heading {
      heading = nil
      builder.addHeading(text, level: level)
    } else {
      builder.addParagraph(text)
    }
  }
}
