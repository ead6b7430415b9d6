import Foundation

/// JSON as the commands print it: keys sorted, slashes as they are.
enum JSONText {
  /// One line.
  static func line(_ object: Any) -> String { text(object, []) }

  /// Indented, for a result that people look at too.
  static func page(_ object: Any) -> String { text(object, .prettyPrinted) }

  private static func text(_ object: Any, _ options: JSONSerialization.WritingOptions) -> String {
    let options = options.union([.sortedKeys, .withoutEscapingSlashes])
    guard JSONSerialization.isValidJSONObject(object),
      let data = try? JSONSerialization.data(withJSONObject: object, options: options)
    else { preconditionFailure("not a JSON object: \(object)") }
    return String(decoding: data, as: UTF8.self)
  }
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
