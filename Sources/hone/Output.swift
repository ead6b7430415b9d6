import Foundation
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

  init(columns: [(heading: String, alignment: Alignment)]) { self.columns = columns }

  mutating func add(_ cells: String...) { add(cells) }

  mutating func add(_ cells: [String]) {
    precondition(cells.count == columns.count, "\(cells.count) cells, \(columns.count) columns")
    rows.append(cells)
  }

  /// The table, a line a row; without the heading where all headings are empty.
  var text: String { text(width: .max) }

  /// The table in lines of at most a width, as far as words allow: cells of the widest columns are
  /// folded.
  func text(width: Int) -> String {
    let headings = columns.map(\.heading)
    let lines = headings.allSatisfy(\.isEmpty) ? rows : [headings] + rows
    var widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    let narrowest = columns.indices.map { column in
      lines.flatMap { $0[column].split(separator: " ") }.map(\.count).max() ?? 0
    }
    while widths.reduce(2 * (columns.count - 1), +) > width,
      let widest = widths.indices.filter({ widths[$0] > narrowest[$0] })
        .max(by: { widths[$0] < widths[$1] })
    {
      widths[widest] -= 1
    }
    return lines.flatMap { line -> [String] in
      let cells = zip(line, widths).map { $0.folded(to: $1) }
      return (0..<(cells.map(\.count).max() ?? 0)).map { part in
        var text = ""
        for (column, cell) in cells.enumerated() {
          let words = part < cell.count ? cell[part] : ""
          let padding = String(repeating: " ", count: widths[column] - words.count)
          text += column == 0 ? "" : "  "
          text += columns[column].alignment == .left ? words + padding : padding + words
        }
        while text.last == " " { text.removeLast() }
        return text
      }
    }.joined(separator: "\n")
  }
}

extension String {
  /// Lines of at most a width, broken between words.
  func folded(to width: Int) -> [String] {
    guard count > width else { return [self] }
    var lines = [""]
    for word in split(separator: " ") {
      let line = lines[lines.count - 1]
      if line.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if line.count + 1 + word.count <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}

/// Where results are printed.
enum StandardOutput {
  /// How wide its lines may be: a terminal's width, elsewhere 100 columns.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
    return Int(size.ws_col)
  }
}

extension Int {
  /// A number in three digits: 134 M.
  var asCount: String {
    var size = Double(self)
    for unit in ["", " k", " M", " G", " T"] {
      if size < 999.5 || unit == " T" {
        return unit.isEmpty || size >= 99.95
          ? "\(Int(size.rounded()))\(unit)" : "\((size * 10).rounded() / 10)\(unit)"
      }
      size /= 1000
    }
    return "\(self)"
  }
}
