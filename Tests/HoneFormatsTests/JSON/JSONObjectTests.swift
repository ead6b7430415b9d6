import Testing

@testable import HoneFormats

@Suite struct JSONObjectTests {
  @Test(arguments: [1, 8, 9, 100])
  func `members are found, replaced, removed and added`(count: Int) {
    var object = JSONObject((0..<count).map { ("key \($0)", .integer($0)) })
    #expect(object.count == count)
    for number in 0..<count { #expect(object["key \(number)"] == .integer(number)) }
    #expect(object["key \(count)"] == nil)
    object["key 0"] = .null
    #expect(object["key 0"] == .null)
    object["new"] = .bool(true)
    #expect(object.keys.last == "new")
    object["key 0"] = nil
    object["absent"] = nil
    #expect(object["key 0"] == nil)
    #expect(object["new"] == .bool(true))
    #expect(object.count == count)
    #expect(object.map(\.0) == object.keys)
  }

  @Test(arguments: [0, 20])
  func `composed and decomposed spellings are different keys`(others: Int) throws {
    let rest = (0..<others).map { ",\"\($0)\":0" }.joined()
    let object = try #require(
      try JSONParser.parse("{\"é\":1,\"e\u{301}\":2\(rest)}").object)
    #expect(object.count == 2 + others)
    #expect(object["\u{E9}"] == .integer(1))
    #expect(object["e\u{301}"] == .integer(2))
    #expect(object["e"] == nil)
  }

  @Test func `objects are equal when members and order are`() {
    let object = JSONObject([("a", .integer(1)), ("b", .null)])
    #expect(object == JSONObject([("a", .integer(1)), ("b", .null)]))
    #expect(object != JSONObject([("b", .null), ("a", .integer(1))]))
    #expect(
      JSONObject([("\u{E9}", .null)]) != JSONObject([("e\u{301}", .null)]))
  }
}
