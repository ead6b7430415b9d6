import Foundation
import Testing

@testable import HoneFormats

@Suite struct JSONTextTests {
  private func fixture(_ name: String) throws -> String {
    let url = SharedFiles.fixtures.appending(path: "reference/\(name)")
    return String(decoding: try Data(contentsOf: url), as: UTF8.self)
  }

  @Test func `each style equals Python's`() throws {
    let value = try JSONParser.parse(try fixture("values.json"))
    #expect(try value.text(.compact) == fixture("values.compact.txt"))
    #expect(try value.text(.spaced) == fixture("values.spaced.txt"))
    #expect(try value.text(.spaced, sortingKeys: true) == fixture("values.spaced.sorted.txt"))
    #expect(try value.text(.indented(by: 2)) == fixture("values.indented.txt"))
  }

  @Test func `numbers are spelled as Python spells them`() throws {
    let rows = try #require(try JSONParser.parse(try fixture("numbers.json")).array)
    #expect(rows.count == 300)
    for row in rows {
      let pair = try #require(row.array)
      let bits = try #require(pair[0].string.flatMap { UInt64($0, radix: 16) })
      #expect(Double(bitPattern: bits).pythonDescription == pair[1].string)
    }
    #expect(Double.nan.pythonDescription == "nan")
    #expect((-Double.infinity).pythonDescription == "-inf")
  }

  @Test func `what is written reads back`() throws {
    let value = try JSONParser.parse(try fixture("values.json"))
    for style in [JSONStyle.compact, .spaced, .indented(by: 3)] {
      #expect(try JSONParser.parse(value.text(style)) == value)
    }
  }

  @Test func `numbers that JSON cannot express become null`() {
    #expect(JSONValue.array([.number(.nan), .number(.infinity)]).text() == "[null,null]")
  }
}
