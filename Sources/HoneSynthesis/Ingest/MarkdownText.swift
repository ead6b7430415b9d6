/// Markdown as headings and blocks: `#` and underlined headings, fenced code in which `#` is none, a
/// front matter whose title counts, comments left out. Everything else stays as it is written.
enum MarkdownText {
  static func add(_ text: String, to builder: inout DocumentBuilder) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    takeFrontMatter(from: &lines, builder: &builder)
    var block: [Substring] = []
    /// The characters that opened a code block, and how many.
    var fence: (mark: Character, count: Int)?
    var isInComment = false

    func endBlock() {
      builder.addParagraph(block.joined(separator: "\n"))
      block.removeAll()
    }
    for line in lines {
      if let open = fence {
        block.append(line)
        if let close = Self.fence(line), close.mark == open.mark, close.count >= open.count,
          close.isBare
        {
          fence = nil
        }
        continue
      }
      let content = line.trimmed
      if isInComment || content.hasPrefix("<!--") {
        isInComment = !content.contains("-->")
        continue
      }
      if let open = Self.fence(line) {
        fence = (open.mark, open.count)
        block.append(line)
      } else if let heading = Self.heading(line) {
        endBlock()
        builder.addHeading(heading.text, level: heading.level)
      } else if block.count == 1, let level = Self.underline(content), !block[0].isListItem {
        let text = String(block.removeLast())
        builder.addHeading(text, level: level)
      } else if content.isEmpty {
        endBlock()
      } else {
        block.append(line)
      }
    }
    endBlock()
  }

  /// `---`, lines of `key: value`, `---`, of which only the title is kept.
  private static func takeFrontMatter(
    from lines: inout ArraySlice<Substring>, builder: inout DocumentBuilder
  ) {
    guard lines.first?.trimmed == "---",
      let end = lines.dropFirst().firstIndex(where: { $0.trimmed == "---" }),
      lines[1..<end].allSatisfy({ $0.isEmpty || $0.first == " " || $0.contains(":") })
    else { return }
    for line in lines[1..<end] where line.hasPrefix("title:") {
      builder.setTitle(line.dropFirst(6).trimmed.withoutQuotes)
    }
    lines = lines[(end + 1)...]
  }

  private static func fence(_ line: Substring) -> (mark: Character, count: Int, isBare: Bool)? {
    let content = line.drop { $0 == " " }
    guard line.count - content.count < 4, let mark = content.first, mark == "`" || mark == "~"
    else { return nil }
    let count = content.prefix { $0 == mark }.count
    guard count >= 3 else { return nil }
    let rest = content.dropFirst(count)
    // A line like ```` ```word``` ```` is code within a line.
    guard mark == "~" || !rest.contains("`") else { return nil }
    return (mark, count, rest.trimmed.isEmpty)
  }

  /// `## Text ##`.
  private static func heading(_ line: Substring) -> (level: Int, text: String)? {
    let content = line.drop { $0 == " " }
    let level = content.prefix { $0 == "#" }.count
    guard line.count - content.count < 4, (1...6).contains(level) else { return nil }
    let rest = content.dropFirst(level)
    guard rest.first == " " || rest.first == "\t" else { return nil }
    var text = rest.trimmed
    if let mark = text.lastIndex(where: { $0 != "#" }), text[mark] == " " {
      text = String(text[..<mark])
    }
    // An anchor behind a heading, as some generators want it.
    if text.hasSuffix("}"), let open = text.range(of: " {#")?.lowerBound {
      text = String(text[..<open])
    }
    return (level, text)
  }

  /// `====` below a line makes it a heading of level 1, `----` of level 2.
  private static func underline(_ content: String) -> Int? {
    guard content.count >= 3, let mark = content.first, mark == "=" || mark == "-",
      content.allSatisfy({ $0 == mark })
    else { return nil }
    return mark == "=" ? 1 : 2
  }
}

extension StringProtocol {
  /// Whether the line is an item of a list, a row of a table or a quotation.
  var isListItem: Bool {
    let content = drop { $0 == " " || $0 == "\t" }
    guard let first = content.first else { return false }
    if "|>".contains(first) { return true }
    if "-*+•".contains(first) { return content.dropFirst().first == " " }
    let digits = content.prefix { $0.isASCII && $0.isNumber }
    let rest = content.dropFirst(digits.count)
    return (1...3).contains(digits.count) && (rest.first == "." || rest.first == ")")
      && rest.dropFirst().first == " "
  }

  fileprivate var withoutQuotes: String {
    guard count >= 2, let first, first == last, first == "\"" || first == "'" else {
      return String(self)
    }
    return String(dropFirst().dropLast())
  }
}
