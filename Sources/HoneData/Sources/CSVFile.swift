import HoneFormats

/// Comma-separated values by RFC 4180: the first line names the columns, quotes enclose commas, line
/// ends and doubled quotes.
struct CSVFile: RecordSource {
  let path: String
  private let names: [String]
  private let rows: [(line: Int, fields: [String])]
  var count: Int { rows.count }

  init(path: String) throws {
    let file = try MappedFile(path: path)
    guard let text = String(validating: file.bytes, as: UTF8.self) else {
      throw FormatError(file: path, problem: "is not UTF-8", advice: "convert it to UTF-8")
    }
    var rows = try Self.rows(of: text, path: path)
    guard !rows.isEmpty else {
      throw DataError(path, problem: "is empty", advice: "the first line names the columns")
    }
    names = rows.removeFirst().fields
    guard !rows.isEmpty else {
      throw DataError(path, problem: "has a line of column names and no row")
    }
    for row in rows where row.fields.count != names.count {
      throw FormatError(
        file: path, place: "line \(row.line)",
        problem: "has \(row.fields.count) fields, expected \(names.count)",
        advice: "enclose fields that hold commas in quotes")
    }
    self.path = path
    self.rows = rows
  }

  private static func rows(
    of text: String, path: String
  ) throws -> [(line: Int, fields: [String])] {
    var rows: [(line: Int, fields: [String])] = []
    var fields: [String] = []
    var field = ""
    var (line, rowLine) = (1, 1)
    var isQuoted = false
    var hadQuotes = false
    var scalars = Array(text.unicodeScalars)[...]
    if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
    func endRow() {
      fields.append(field)
      if fields != [""] || hadQuotes { rows.append((rowLine, fields)) }
      (fields, field, hadQuotes) = ([], "", false)
      rowLine = line
    }
    while let scalar = scalars.popFirst() {
      if scalar == "\n" { line += 1 }
      switch scalar {
      case "\"" where isQuoted:
        if scalars.first == "\"" {
          field.append("\"")
          scalars.removeFirst()
        } else {
          isQuoted = false
        }
      case _ where isQuoted: field.unicodeScalars.append(scalar)
      case "\"" where field.isEmpty: (isQuoted, hadQuotes) = (true, true)
      case ",":
        fields.append(field)
        field = ""
      case "\r" where scalars.first == "\n": break
      case "\n", "\r": endRow()
      default: field.unicodeScalars.append(scalar)
      }
    }
    guard !isQuoted else {
      throw FormatError(
        file: path, place: "line \(rowLine)", problem: "opens a quote that is never closed")
    }
    if !field.isEmpty || !fields.isEmpty { endRow() }
    return rows
  }

  func record(_ index: Int) -> JSONObject {
    JSONObject(zip(names, rows[index].fields).map { ($0, .string($1)) })
  }

  func place(_ index: Int) -> String { "line \(rows[index].line)" }
}
