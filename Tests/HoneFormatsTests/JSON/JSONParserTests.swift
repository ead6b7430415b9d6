import HoneFormats
import Testing

@Suite struct JSONParserTests {
  @Test func `objects keep their order`() throws {
    let value = try JSONParser.parse(
      #"{"b": 1, "a": [true, null, -2.5e3], "c": "x\n\u00e9\ud83d\ude00"}"#)
    #expect(value.object?.keys == ["b", "a", "c"])
    #expect(value["b"] == .integer(1))
    #expect(value["a"] == .array([.bool(true), .null, .number(-2500)]))
    #expect(value["c"]?.string == "x\né😀")
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\":1,}", "01", "1.", "nul", "\"\\x\"", "\"\u{1}\"", "[1] 2", "NaN", "-",
    "\"\\u12\"", "\"\\u+123\"",
  ])
  func `malformed text is an error`(text: String) {
    #expect(throws: FormatError.self) { try JSONParser.parse(text) }
  }

  @Test func `deep nesting is an error, not a crash`() {
    let text = String(repeating: "[", count: 1_000_000)
    #expect(throws: FormatError.self) { try JSONParser.parse(text) }
  }

  @Test func `errors name line and column`() {
    #expect {
      try JSONParser.parse("{\n  \"a\": x}", file: "f.json")
    } throws: { error in
      "\(error)" == "f.json: line 2, column 8: expected a JSON value"
    }
  }
}
