import Foundation
import HoneFormats
import Testing

@testable import HoneData

@Suite struct SourceTests {
  private func texts(_ source: any RecordSource) throws -> [String] {
    try (0..<source.count).map { try source.record($0)["text"]?.string ?? "none" }
  }

  private func places(_ source: any RecordSource) -> [String] {
    (0..<source.count).map(source.place)
  }

  @Test func `blank lines, line ends of Windows and a byte order mark do no harm`() throws {
    let plain = try DataFile("\u{FEFF}{\"text\": \"a\"}\r\n{\"text\": \"b\"}\r\n")
    let source = try JSONLinesFile(path: plain.path)
    #expect(try texts(source) == ["a", "b"])
    #expect(places(source) == ["line 1", "line 2"])

    let gaps = try DataFile("\n{\"text\": \"a\"}\n \t\n\n{\"text\": \"b\"}\n{\"text\": \"c\"}")
    let spaced = try JSONLinesFile(path: gaps.path)
    #expect(try texts(spaced) == ["a", "b", "c"])
    #expect(places(spaced) == ["line 2", "line 5", "line 6"])
  }

  @Test func `lines longer than what is read at once stay whole`() throws {
    let long = (0..<4).map { String(repeating: "\($0)", count: 700_000) }
    let file = try DataFile(long.map { "{\"text\": \"\($0)\"}" }.joined(separator: "\n\n"))
    let source = try JSONLinesFile(path: file.path)
    #expect(try texts(source) == long)
    #expect(places(source) == ["line 1", "line 3", "line 5", "line 7"])
  }

  @Test func `a fault within a line says the line`() throws {
    let file = try DataFile("{\"text\": \"a\"}\n\n{\"text\": \"b\"\n")
    let source = try JSONLinesFile(path: file.path)
    #expect {
      try source.record(1)
    } throws: {
      "\($0)".hasPrefix("\(file.path): line 3")
    }
  }

  @Test func `a file that is cut short while in use is an error`() throws {
    let file = try DataFile("{\"text\": \"a\"}\n{\"text\": \"b\"}\n")
    let source = try JSONLinesFile(path: file.path)
    try FileHandle(forWritingTo: URL(fileURLWithPath: file.path)).truncate(atOffset: 20)
    #expect(try source.record(0)["text"] == .string("a"))
    #expect {
      try source.record(1)
    } throws: {
      "\($0)".contains("has become shorter")
    }
  }

  @Test func `a list's elements are found whatever is in them`() throws {
    let file = try DataFile(
      """
      [ {"text": "a ] , \\" }"},
        {"text": "b", "more": [[1, 2], {"c": []}]} ,{"text": "\\\\"}
      ]

      """, named: "data.json")
    let source = try JSONArrayFile(path: file.path)
    #expect(try texts(source) == ["a ] , \" }", "b", "\\"])
    #expect(
      places(source) == ["line 1, element 1", "line 2, element 2", "line 2, element 3"])
  }

  @Test(arguments: [
    ("{\"text\": \"a\"}", "is not a list of objects"), ("[]", "list without elements"),
    ("", "is empty"), ("[{\"a\": 1}", "ends before its list does"),
    ("[{\"a\": 1},]", "nothing between"), ("[{\"a\": 1}] x", "text behind the list"),
    ("[{\"a\": 1}}]", "closes what was never opened"),
  ])
  func `a list that is none is refused`(_ text: String, _ expected: String) throws {
    let file = try DataFile(text, named: "data.json")
    #expect {
      try JSONArrayFile(path: file.path)
    } throws: {
      "\($0)".contains(expected)
    }
  }

  @Test func `tables follow RFC 4180`() throws {
    let file = try DataFile(
      "\u{FEFF}id,text\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n\r\n2,\r\n3,\" d \"\n4,5\" disk",
      named: "t.csv")
    let source = try CSVFile(path: file.path)
    #expect(try texts(source) == ["a, \"b\"\r\nc", "", " d ", "5\" disk"])
    #expect(places(source) == ["line 2", "line 5", "line 6", "line 7"])
    #expect(try source.record(3)["id"] == .string("4"))
  }

  @Test(arguments: [
    ("a,b\n1,2\n1\n", "line 3: has 1 fields, expected 2"),
    ("a,b\n1,\"2\"x\n", "line 2: has text behind the closing quote of field 2"),
    ("a,b\n1,\"2\n3,4\n", "line 2: opens a quote that is never closed"),
    ("a,a\n1,2\n", "names the column \"a\" twice"), ("a,b\n", "no row"), ("", "is empty"),
  ])
  func `faults of tables say their line`(_ text: String, _ expected: String) throws {
    let file = try DataFile(text, named: "t.csv")
    #expect {
      let source = try CSVFile(path: file.path)
      for index in 0..<source.count { _ = try source.record(index) }
    } throws: {
      "\($0)".contains(expected)
    }
  }

  @Test func `a long text in pieces is the text`() throws {
    var text = ""
    for number in 0..<3000 {
      text += "Zeile \(number): größer als nötig, 漢字 und 🙂."
      text += number % 7 == 0 ? "\n\n" : number % 11 == 0 ? "\n" : " "
    }
    // A stretch without any place to cut.
    text += String(repeating: "🙂", count: 12_000)
    let file = try DataFile(text, named: "book.txt")
    let source = try TextFiles(files: [file.path], subject: file.path)
    #expect(source.count > 5)
    #expect(try texts(source).joined() == text)
    let edges = (0..<source.count).map(source.edges)
    #expect(edges.map(\.begins) == [true] + edges.dropFirst().map { _ in false })
    #expect(edges.map(\.ends) == edges.dropLast().map { _ in false } + [true])
    #expect(try texts(source)[0].hasSuffix("\n\n"))
  }

  @Test func `a folder has its parts`() throws {
    let file = try DataFile("{\"text\": \"a\"}", named: "train.jsonl")
    let folder = URL(fileURLWithPath: file.path).deletingLastPathComponent().path
    try Data("text\nb\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/validation.csv"))
    let found = try #require(try DataFolder(folder))
    #expect(found.train == file.path && found.valid == "\(folder)/validation.csv")
    #expect(found.test == nil)
    #expect(try RecordSources.open(folder).path == file.path)
    #expect(RecordSources.looksLikeData(folder))

    try Data().write(to: URL(fileURLWithPath: "\(folder)/train.csv"))
    #expect {
      try DataFolder(folder)
    } throws: {
      "\($0)".contains("holds train.csv and train.jsonl")
    }
    try Data().write(to: URL(fileURLWithPath: "\(folder)/config.json"))
    #expect(!RecordSources.looksLikeData(folder))
  }

  @Test(
    arguments: [
      (["promt": "text"], nil, "maps \"promt\", which is no column that Hone knows"),
      (["text": "body"], nil, "says that text is in \"body\", but the record has \"text\", \"id\""),
      ([:], ExampleFormat.alpaca, "the format alpaca needs \"instruction\""),
    ] as [([String: String], ExampleFormat?, String)])
  func `formats and columns that do not fit are refused`(
    _ columns: [String: String], _ format: ExampleFormat?, _ expected: String
  ) throws {
    let record = JSONObject([("text", .string("a")), ("id", .integer(1))])
    #expect {
      try ExampleFormat.resolved(format, for: record, mapping: columns)
    } throws: {
      ($0 as? ExampleFault)?.sentence.contains(expected) == true
    }
  }
}
