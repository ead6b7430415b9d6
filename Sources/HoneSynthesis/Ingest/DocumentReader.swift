import HoneData
import HoneFormats

/// Reads one file as a document.
struct DocumentReader: Sendable {
  /// What was read, and what the user should know about it.
  struct Reading: Sendable {
    var document: Document
    /// The encoding, where it was read as a text.
    var encoding: TextDecoding.Encoding?
    var personalData: PersonalData.Counts = [:]
  }

  /// Files of more bytes are refused, since a document is held in memory.
  private static let largest = 256 << 20

  /// Kinds by the suffixes of files.
  static let suffixes: [String: Document.Kind] = [
    "txt": .text, "text": .text, "md": .markdown, "markdown": .markdown, "html": .html,
    "htm": .html, "xhtml": .html, "csv": .csv, "jsonl": .jsonLines, "ndjson": .jsonLines,
    "pdf": .pdf, "docx": .docx,
  ]

  /// What is done to personal data; nil for nothing.
  let personalData: PersonalData?

  /// Reads a file.
  ///
  /// - Parameter name: the path that the document goes by.
  /// - Throws: ``SynthesisError``, or ``HoneFormats/FormatError`` and ``HoneData/DataError`` for
  ///   tables.
  func read(_ path: String, name: String, kind: Document.Kind) async throws -> Reading {
    let file = try RandomAccessFile(path: path)
    guard file.count > 0 else { throw SynthesisError(path, problem: "is empty") }
    guard file.count <= Self.largest else {
      throw SynthesisError(
        path, problem: "is larger than \(Self.largest >> 20) MB", advice: "split it")
    }
    let bytes = try file.bytes(0..<file.count)
    var counts: PersonalData.Counts = [:]
    // Nothing outside this call sees the closure, so that it may count.
    var builder = DocumentBuilder { [personalData] text in
      guard let personalData else { return text }
      let treated = personalData.treated(text)
      counts.merge(treated.counts, uniquingKeysWith: +)
      return treated.text
    }
    let encoding = try await add(bytes, of: path, kind: kind, to: &builder)
    do {
      let document = try builder.document(path: name, kind: kind, digest: Digest.of(bytes))
      return Reading(document: document, encoding: encoding, personalData: counts)
    } catch var error as SynthesisError {
      error.subject = path
      if kind == .pdf {
        error.advice = "a scanned page is a picture: run text recognition over the file first"
      }
      throw error
    }
  }

  private func add(
    _ bytes: [UInt8], of path: String, kind: Document.Kind, to builder: inout DocumentBuilder
  ) async throws -> TextDecoding.Encoding? {
    switch kind {
    case .text, .markdown, .html:
      let decoding = try TextDecoding(bytes, path: path)
      switch kind {
      case .markdown: MarkdownText.add(decoding.text, to: &builder)
      case .html: HTMLText.add(decoding.text, to: &builder)
      default: PlainText.add(decoding.text, to: &builder)
      }
      return decoding.encoding
    case .csv, .jsonLines:
      try TableText.add(try RecordSources.open(path), to: &builder)
      return .utf8
    case .pdf:
      try expect("%PDF-", in: bytes.prefix(1024), of: path, kind: "PDF")
      PageText.add(
        try await OutsideTool.pdftotext.output(["-enc", "UTF-8", path, "-"], reading: path),
        to: &builder)
      return nil
    case .docx:
      try expect("PK", in: bytes.prefix(2), of: path, kind: "Word")
      WordText.add(
        try await OutsideTool.unzip.output(["-p", path, "word/document.xml"], reading: path),
        to: &builder)
      return nil
    }
  }

  /// Looks at a file's first bytes, so that a wrong suffix is told from a broken file.
  private func expect(
    _ mark: String, in bytes: ArraySlice<UInt8>, of path: String, kind: String
  ) throws {
    let mark = Array(mark.utf8)
    let isThere = bytes.indices.contains { bytes[$0...].starts(with: mark) }
    guard isThere else {
      throw SynthesisError(
        path, problem: "is named as a \(kind) file and is none",
        advice: "give it the suffix of what it is")
    }
  }
}

/// Plain text: blocks between empty lines.
enum PlainText {
  static func add(_ text: String, to builder: inout DocumentBuilder) {
    var block: [Substring] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.allSatisfy(\.isWhitespace) {
        builder.addParagraph(block.joined(separator: "\n"))
        block.removeAll()
      } else {
        block.append(line)
      }
    }
    builder.addParagraph(block.joined(separator: "\n"))
  }
}
