/// Gathers headings and paragraphs into the text and the sections of a document.
///
/// Whatever a file was, its document reads the same: headings as lines that begin with `#`, blocks
/// parted by an empty line.
package struct DocumentBuilder {
  /// What is done to each heading and paragraph on its way, such as masking personal data.
  private let treatment: (String) -> String
  private var bytes: [UInt8] = []
  private var sections: [Document.Section] = []
  private var path: [(level: Int, text: String)] = []
  private var sectionStart = 0
  private var title: String?

  package init(treatment: @escaping (String) -> String = { $0 }) { self.treatment = treatment }

  /// The title that the file states, which counts before its first heading.
  package mutating func setTitle(_ text: String) {
    let text = treatment(text.collapsingSpaces)
    if !text.isEmpty { title = text }
  }

  /// A heading, of a level from 1 on; those of the same and of deeper levels end.
  package mutating func addHeading(_ text: String, level: Int) {
    let text = treatment(text.collapsingSpaces)
    guard !text.isEmpty else { return }
    endSection()
    path.removeAll { $0.level >= level }
    path.append((level, text))
    if title == nil { title = text }
    append(String(repeating: "#", count: min(level, 6)) + " " + text)
    sectionStart = bytes.count
  }

  /// A block of text: a paragraph, a list, a table, code. Its inner line ends stay.
  package mutating func addParagraph(_ text: String) {
    let text = treatment(text.trimmed)
    guard !text.isEmpty else { return }
    append(text)
  }

  private mutating func append(_ block: String) {
    if !bytes.isEmpty { bytes += "\n\n".utf8 }
    bytes += block.utf8
  }

  private mutating func endSection() {
    var start = sectionStart
    while start < bytes.count, bytes[start] == 0x0A { start += 1 }
    guard start < bytes.count else { return }
    sections.append(
      Document.Section(headings: path.map(\.text), range: start..<bytes.count))
  }

  /// The document.
  ///
  /// - Throws: ``SynthesisError`` when nothing was added.
  package consuming func document(
    path file: String, kind: Document.Kind, digest: String
  ) throws -> Document {
    endSection()
    guard !sections.isEmpty else {
      throw SynthesisError(
        file, problem: bytes.isEmpty ? "holds no text" : "holds headings and no text")
    }
    let name = file.split(separator: "/").last.map(String.init) ?? file
    return Document(
      path: file, title: title ?? name, kind: kind,
      text: String(decoding: bytes, as: UTF8.self), sections: sections, digest: digest)
  }
}

extension StringProtocol {
  /// Without white space at both ends.
  var trimmed: String {
    var scalars = Substring(self).unicodeScalars
    while scalars.first?.properties.isWhitespace == true { scalars.removeFirst() }
    while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
    return String(scalars)
  }

  /// With one space for each run of white space, and none at the ends.
  var collapsingSpaces: String {
    unicodeScalars.split { $0.properties.isWhitespace }.map { String(String.UnicodeScalarView($0)) }
      .joined(separator: " ")
  }
}
