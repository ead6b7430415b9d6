import HoneFormats

extension FuzzTarget {
  /// Parses JSON, as a document and as lines; what parses must survive being written and read.
  static let json = FuzzTarget(name: "json") { bytes in
    var lines = JSONLines(MappedFile(copying: bytes, named: "d.jsonl"))
    while true {
      do {
        guard try lines.next() != nil else { break }
      } catch { continue }
    }
    guard let value = try? JSONParser.parse(bytes, file: "f.json") else { return }
    for style in [JSONStyle.compact, .spaced, .indented(by: 2)] {
      do {
        let again = try JSONParser.parse(value.text(style))
        precondition(again == value, "\(value.text(style))")
      } catch {
        preconditionFailure("\(value.text(style)): \(error)")
      }
    }
  }
}
