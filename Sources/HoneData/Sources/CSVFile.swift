import HoneFormats

/// Comma-separated values by RFC 4180: the first line names the columns, quotes enclose commas, line
/// ends and doubled quotes. Only where the rows begin is held in memory.
struct CSVFile: RecordSource {
  private let file: RandomAccessFile
  private let names: [String]
  /// Where each row begins, and the file's end.
  private let starts: [Int]
  private let lines: [Int32]

  var path: String { file.path }
  var count: Int { starts.count - 1 }

  init(path: String) throws {
    file = try RandomAccessFile(path: path)
    var scanner = Scanner()
    try file.forEachPiece { bytes, offset in
      for (index, byte) in bytes.enumerated() { scanner.take(byte, at: offset + index) }
    }
    guard !scanner.isInQuotes else {
      throw FormatError(
        file: path, place: "line \(scanner.rowLine)",
        problem: "opens a quote that is never closed",
        advice: "double the quotes within a quoted field")
    }
    guard !scanner.starts.isEmpty else {
      throw DataError(path, problem: "is empty", advice: "the first line names the columns")
    }
    let ends = scanner.starts.dropFirst() + [file.count]
    names = try Self.fields(
      of: file.bytes(scanner.starts[0]..<ends[ends.startIndex]), path: path,
      line: scanner.lines[0])
    starts = Array(scanner.starts.dropFirst()) + [file.count]
    lines = Array(scanner.lines.dropFirst())
    guard starts.count > 1 else {
      throw DataError(path, problem: "has a line of column names and no row")
    }
    if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
      throw FormatError(
        file: path, place: "line \(scanner.lines[0])",
        problem: "names the column \(FormatError.quoted(names[twice])) twice")
    }
  }

  func record(_ index: Int) throws -> JSONObject {
    let fields = try Self.fields(
      of: file.bytes(starts[index]..<starts[index + 1]), path: path, line: lines[index])
    guard fields.count == names.count else {
      throw FormatError(
        file: path, place: place(index),
        problem: "has \(fields.count) fields, expected \(names.count)",
        advice: "enclose fields that hold commas in quotes")
    }
    return JSONObject(zip(names, fields).map { ($0, .string($1)) })
  }

  func place(_ index: Int) -> String { "line \(lines[index])" }

  /// The fields of one row.
  private static func fields(of bytes: [UInt8], path: String, line: Int32) throws -> [String] {
    var fields: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var position = 0
    func endField() throws {
      guard let text = String(validating: field, as: UTF8.self) else {
        throw FormatError(
          file: path, place: "line \(line)", problem: "is not UTF-8",
          advice: "save the table as UTF-8")
      }
      fields.append(text)
      field.removeAll(keepingCapacity: true)
    }
    while position < bytes.count {
      let byte = bytes[position]
      let next = position + 1 < bytes.count ? bytes[position + 1] : 0x0A
      position += 1
      switch byte {
      case UInt8(ascii: "\"") where isQuoted:
        if next == byte {
          field.append(byte)
          position += 1
        } else {
          isQuoted = false
          guard next == UInt8(ascii: ",") || next == 0x0A || next == 0x0D else {
            throw FormatError(
              file: path, place: "line \(line)",
              problem: "has text behind the closing quote of field \(fields.count + 1)",
              advice: "double the quotes within a quoted field")
          }
        }
      case _ where isQuoted: field.append(byte)
      case UInt8(ascii: "\"") where field.isEmpty: isQuoted = true
      case UInt8(ascii: ","): try endField()
      case 0x0D where next == 0x0A: break
      case 0x0A:
        try endField()
        return fields
      default: field.append(byte)
      }
    }
    try endField()
    return fields
  }

  /// Finds where rows begin.
  private struct Scanner {
    var starts: [Int] = []
    var lines: [Int32] = []
    var rowLine: Int32 = 1
    var isInQuotes = false
    private var line: Int32 = 1
    private var isRowOpen = false
    private var isFieldStart = true
    private var closedQuote = false

    mutating func take(_ byte: UInt8, at position: Int) {
      if position < 3, [0xEF, 0xBB, 0xBF][position] == byte { return }
      if byte == 0x0A { line += 1 }
      if isInQuotes {
        if byte == UInt8(ascii: "\"") { (isInQuotes, closedQuote) = (false, true) }
        return
      }
      if !isRowOpen {
        // Lines with nothing in them are no rows.
        if byte == 0x0A || byte == 0x0D { return }
        starts.append(position)
        rowLine = line
        lines.append(line)
        (isRowOpen, isFieldStart) = (true, true)
      }
      switch byte {
      case UInt8(ascii: "\"") where isFieldStart || closedQuote: isInQuotes = true
      case 0x0A: isRowOpen = false
      default: break
      }
      isFieldStart = byte == UInt8(ascii: ",")
      closedQuote = false
    }
  }
}
