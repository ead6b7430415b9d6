import Testing

@testable import HoneFormats

@Suite struct JSONLinesTests {
  private func lines(_ text: String) -> JSONLines {
    JSONLines(MappedFile(copying: Array(text.utf8), named: "d.jsonl"))
  }

  private func all(_ text: String) throws -> [JSONLines.Record] {
    var lines = lines(text)
    var records: [JSONLines.Record] = []
    while let record = try lines.next() { records.append(record) }
    return records
  }

  @Test func `records come with their lines and ranges`() throws {
    let records = try all("{\"a\":1}\n\n  \r\n[2]\r\n3")
    #expect(records.map(\.line) == [1, 4, 5])
    #expect(records.map(\.value.description) == ["{\"a\":1}", "[2]", "3"])
    #expect(records.map(\.range) == [0..<7, 13..<17, 18..<19])
  }

  @Test(arguments: ["", "\n", "\n\n \n", "\u{FEFF}"])
  func `a file without records has none`(text: String) throws {
    #expect(try all(text).isEmpty)
  }

  @Test func `a byte order mark and a last newline change nothing`() throws {
    #expect(try all("\u{FEFF}1\n2\n").map(\.value) == [.integer(1), .integer(2)])
  }

  @Test func `a fault names its line, and reading can go on`() throws {
    var lines = lines("1\n\n{\"a\" 2}\n3\n")
    #expect(try lines.next()?.value == .integer(1))
    #expect(
      fault { try lines.next() } == "d.jsonl: line 3, column 6: expected ':' after the key")
    #expect(try lines.next()?.line == 4)
    #expect(try lines.next() == nil)
  }

  @Test func `a record over two lines is an error`() {
    #expect(
      fault { try all("[1,\n2]") }
        == "d.jsonl: line 1, column 4: the text ends where a value was expected")
  }

  @Test func `a file larger than what is kept in memory is read whole`() throws {
    let folder = try TemporaryFolder()
    let line = "{\"text\":\"\(String(repeating: "x", count: 990))\"}\n"
    let text = String(repeating: line, count: 20_000)
    try folder.write(Array(text.utf8), to: "d.jsonl")
    var lines = try JSONLines(path: folder.path("d.jsonl"))
    var count = 0
    while let record = try lines.next() {
      count += 1
      #expect(record.value["text"]?.string?.utf8.count == 990)
    }
    #expect(count == 20_000)
  }
}
