import HoneFormats

extension JSONValue {
  /// An object with these members in this order.
  init(_ members: KeyValuePairs<String, JSONValue>) {
    self = .object(JSONObject(members.map { ($0.key, $0.value) }))
  }

  /// The value on one line.
  var line: String { text(.compact) }

  /// The value over several lines, for a result that people look at too.
  var page: String { text(.indented(by: 2)) }
}

/// Rows of text under headings, in columns as wide as they need to be.
struct Table {
  enum Alignment { case left, right }

  private let columns: [(heading: String, alignment: Alignment)]
  private var rows: [[String]] = []

  init(_ columns: (heading: String, alignment: Alignment)...) { self.columns = columns }

  mutating func add(_ cells: String...) {
    precondition(cells.count == columns.count, "\(cells.count) cells, \(columns.count) columns")
    rows.append(cells)
  }

  /// The table, a line a row; without the heading where all headings are empty.
  var text: String {
    let headings = columns.map(\.heading)
    let lines = headings.allSatisfy(\.isEmpty) ? rows : [headings] + rows
    let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      var text = ""
      for (column, cell) in line.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        text += column == 0 ? "" : "  "
        text += columns[column].alignment == .left ? cell + padding : padding + cell
      }
      while text.last == " " { text.removeLast() }
      return text
    }.joined(separator: "\n")
  }
}
