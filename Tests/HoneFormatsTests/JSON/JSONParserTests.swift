import Testing

@testable import HoneFormats

@Suite struct JSONParserTests {
  private func parse(_ bytes: [UInt8]) throws -> JSONValue {
    try JSONParser.parse(contentsOf: MappedFile(copying: bytes, named: "f.json"))
  }

  @Test func `objects keep their order`() throws {
    let value = try JSONParser.parse(
      #"{"b": 1, "a": [true, null, -2.5e3], "c": "x\n\u00e9\ud83d\ude00"}"#)
    #expect(value.object?.keys == ["b", "a", "c"])
    #expect(value["b"] == .integer(1))
    #expect(value["a"] == .array([.bool(true), .null, .number(-2500)]))
    #expect(value["c"]?.string == "x\né😀")
  }

  @Test func `numbers are integers where they are written so and fit`() throws {
    func number(_ text: String) throws -> JSONValue { try JSONParser.parse(text) }
    #expect(try number("0") == .integer(0))
    #expect(try number("-0") == .integer(0))
    #expect(try number("999999999999999999") == .integer(999_999_999_999_999_999))
    #expect(try number("9223372036854775807") == .integer(.max))
    #expect(try number("-9223372036854775808") == .integer(.min))
    #expect(try number("9223372036854775808") == .number(9_223_372_036_854_775_808))
    #expect(try number("1.0") == .number(1))
    #expect(try number("1E2") == .number(100))
    #expect(try number("25e-1") == .number(2.5))
    #expect(try number("1e-400") == .number(0))
  }

  @Test func `strings are taken apart to the last escape`() throws {
    #expect(
      try JSONParser.parse(#""\"\\\/\b\f\n\r\t\u0041\u00E9\uFFFF""#).string
        == "\"\\/\u{8}\u{C}\n\r\tAé\u{FFFF}")
    #expect(
      try JSONParser.parse(#""a\ud800b\udc00\ud800\u0041""#).string == "a\u{FFFD}b\u{FFFD}\u{FFFD}A"
    )
    #expect(try JSONParser.parse(#""\u0000""#).string == "\0")
    #expect(try JSONParser.parse("\"\u{7F}é😀\"").string == "\u{7F}é😀")
  }

  @Test func `a repeated key keeps its place and takes the last value`() throws {
    let few = try JSONParser.parse(#"{"a":1,"b":2,"a":3}"#)
    #expect(few.object == JSONObject([("a", .integer(3)), ("b", .integer(2))]))
    let members = (0..<40).map { "\"k\($0 % 20)\":\($0)" }.joined(separator: ",")
    let many = try #require(try JSONParser.parse("{\(members)}").object)
    #expect(many.count == 20)
    #expect(many["k3"] == .integer(23))
    #expect(
      fault {
        try JSONParser.parse(
          contentsOf: MappedFile(copying: Array("{\(members)}".utf8), named: "f"),
          duplicateKeys: .rejected)
      }?.hasSuffix("the key \"k0\" stands twice in the object that ends here") == true)
  }

  @Test(arguments: [
    ("", "is empty where JSON was expected"),
    (" ", "line 1, column 2: the text ends where a value was expected"),
    ("{", "line 1, column 2: expected a quoted key"),
    ("{1:2}", "line 1, column 2: expected a quoted key"),
    ("{\"a\" 1}", "line 1, column 6: expected ':' after the key"),
    ("{\"a\":1,}", "line 1, column 8: expected a quoted key"),
    ("{\"a\":1", "line 1, column 7: expected ',' or '}'"),
    ("[1,]", "line 1, column 4: expected a JSON value"),
    ("[1 2]", "line 1, column 4: expected ',' or ']'"),
    ("[1", "line 1, column 3: expected ',' or ']'"),
    ("01", "line 1, column 2: a number has a leading zero"),
    ("-01", "line 1, column 3: a number has a leading zero"),
    ("1.", "line 1, column 3: expected a digit"),
    (".5", "line 1, column 1: expected a JSON value"),
    ("+1", "line 1, column 1: expected a JSON value"),
    ("1e", "line 1, column 3: expected a digit"),
    ("1e+", "line 1, column 4: expected a digit"),
    ("-", "line 1, column 2: expected a digit"),
    ("-a", "line 1, column 2: expected a digit"),
    ("1e400", "line 1, column 6: number out of range"),
    ("nul", "line 1, column 1: expected 'null'"),
    ("nult", "line 1, column 1: expected 'null'"),
    ("tru", "line 1, column 1: expected 'true'"),
    ("False", "line 1, column 1: expected a JSON value"),
    ("NaN", "line 1, column 1: expected a JSON value"),
    ("[1] 2", "line 1, column 5: unexpected text after the JSON value"),
    ("1\0", "line 1, column 2: unexpected text after the JSON value"),
    ("\"a", "line 1, column 3: the text ends inside a string"),
    ("\"\\", "line 1, column 3: the text ends inside a string"),
    ("\"\\n", "line 1, column 4: the text ends inside a string"),
    ("\"\\x\"", "line 1, column 3: unknown escape in a string"),
    ("\"\u{1}\"", "line 1, column 2: a control character stands inside a string"),
    ("\"\\n\n\"", "line 1, column 4: a control character stands inside a string"),
    ("\"\\u12\"", "line 1, column 4: expected four hexadecimal digits after \\u"),
    ("\"\\u+123\"", "line 1, column 4: expected four hexadecimal digits after \\u"),
    ("\"\\u", "line 1, column 4: expected four hexadecimal digits after \\u"),
    ("{\n  \"é\": x}", "line 2, column 8: expected a JSON value"),
  ])
  func `malformed text is an error with its place`(text: String, expected: String) throws {
    #expect(
      fault { try parse(Array(text.utf8)) }
        == "f.json: \(expected)")
  }

  @Test func `text that is not UTF-8 is an error with its place`() {
    #expect(
      fault { try parse(Array("[\"é\",\n\"a".utf8) + [0xC3, 0x28, 0x22, 0x5D]) }
        == "f.json: line 2, column 3: the text is not valid UTF-8")
  }

  @Test func `deep nesting is an error, not a crash`() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSONParser.parse(nested(256))
    #expect(
      fault { try JSONParser.parse(nested(257)) }
        == "JSON: line 1, column 257: nested more than 256 levels deep")
    #expect(
      fault { try JSONParser.parse(String(repeating: "{\"a\":[", count: 500_000)) }
        == "JSON: line 1, column 769: nested more than 256 levels deep")
  }

  @Test func `every truncation of a document is an error`() throws {
    let text = Array(#"{"a": [1.5e3, "x\u00e9\n", true, false, null, {"b": -7}], "c": {}}"#.utf8)
    _ = try parse(text)
    for count in 0..<text.count {
      #expect(throws: FormatError.self) { try parse(Array(text.prefix(count))) }
    }
  }
}
