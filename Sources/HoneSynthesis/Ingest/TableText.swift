import HoneData
import HoneFormats

/// The rows of a CSV or JSON Lines file as blocks: `name: value` a line, or the text alone where a row
/// has nothing else.
enum TableText {
  static func add(_ source: any RecordSource, to builder: inout DocumentBuilder) throws {
    for index in 0..<source.count {
      let record = try source.record(index)
      if record.count == 1, let text = record["text"]?.string {
        builder.addParagraph(text)
      } else {
        builder.addParagraph(
          record.compactMap { name, value in line(name, value) }.joined(separator: "\n"))
      }
    }
  }

  private static func line(_ name: String, _ value: JSONValue) -> String? {
    switch value {
    case .null: nil
    case .string(let text): text.trimmed.isEmpty ? nil : "\(name): \(text.trimmed)"
    default: "\(name): \(value.text(.spaced))"
    }
  }
}
