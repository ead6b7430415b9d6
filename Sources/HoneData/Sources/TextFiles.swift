import Foundation
import HoneFormats

/// Text files in pieces of some kilobytes, under the key `text`.
///
/// A row of a batch is read by reading its piece, so a book costs no more than a page.
struct TextFiles: RecordSource {
  let path: String
  private let files: [String]
  private let pieces: [Piece]
  var count: Int { pieces.count }

  private struct Piece {
    var file: Int32
    var range: Range<Int>
    var edges: Edges
  }

  private static let pieceSize = 16 << 10

  init(files: [String], subject: String) throws {
    path = subject
    self.files = files
    var pieces: [Piece] = []
    for (number, path) in files.enumerated() {
      let file = try RandomAccessFile(path: path)
      var start = 0
      while start < file.count {
        let end = try Self.end(of: start, in: file)
        pieces.append(
          Piece(
            file: Int32(number), range: start..<end,
            edges: Edges(begins: start == 0, ends: end == file.count)))
        start = end
      }
    }
    guard !pieces.isEmpty else { throw DataError(subject, problem: "is empty") }
    self.pieces = pieces
  }

  init(folder: String) throws {
    let names =
      FileManager.default.enumerator(atPath: folder)?
      .compactMap { $0 as? String } ?? []
    let texts = names.filter { RecordSources.textSuffixes.contains($0.pathSuffix) }.sorted()
    guard !texts.isEmpty else {
      throw DataError(
        folder, problem: "holds neither train.jsonl nor any .txt or .md file",
        advice: "give a file, a folder with train.jsonl, or a folder of texts")
    }
    try self.init(files: texts.map { "\(folder)/\($0)" }, subject: folder)
  }

  /// Where a piece ends: behind a paragraph, else a line, else a character.
  private static func end(of start: Int, in file: RandomAccessFile) throws -> Int {
    guard file.count - start > pieceSize else { return file.count }
    let bytes = try file.bytes(start..<start + pieceSize)
    var line: Int?
    for index in stride(from: bytes.count - 1, to: bytes.count / 2, by: -1)
    where bytes[index] == 0x0A {
      line = line ?? index + 1
      if bytes[index - 1] == 0x0A { return start + index + 1 }
    }
    if let line { return start + line }
    var end = bytes.count
    // A piece of bytes that are no UTF-8 at all ends anywhere; reading it says what is wrong.
    while end > bytes.count - 4, bytes[end - 1] & 0xC0 == 0x80 { end -= 1 }
    return start + (bytes[end - 1] >= 0xC0 ? end - 1 : bytes.count)
  }

  func record(_ index: Int) throws -> JSONObject {
    let piece = pieces[index]
    let file = files[Int(piece.file)]
    let bytes = try RandomAccessFile(path: file).bytes(piece.range)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FormatError(
        file: file, place: "byte \(piece.range.lowerBound) or later", problem: "is not UTF-8",
        advice: "convert it to UTF-8")
    }
    let mark = "\u{FEFF}"
    return JSONObject([
      ("text", .string(text.hasPrefix(mark) ? String(text.unicodeScalars.dropFirst()) : text))
    ])
  }

  func place(_ index: Int) -> String {
    let piece = pieces[index]
    let file = files[Int(piece.file)]
    return piece.edges == Edges() ? file : "\(file), byte \(piece.range.lowerBound)"
  }

  func edges(_ index: Int) -> Edges { pieces[index].edges }
}
