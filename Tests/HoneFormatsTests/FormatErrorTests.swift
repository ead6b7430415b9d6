import HoneFormats
import Testing

@Suite struct FormatErrorTests {
  @Test func `the sentence holds what is there`() {
    #expect("\(FormatError(file: "f", problem: "is odd"))" == "f: is odd")
    #expect(
      "\(FormatError(file: "f", place: "byte 3", problem: "is odd", advice: "mend it"))"
        == "f: byte 3: is odd; mend it")
  }

  @Test func `names from files are made fit for one line`() {
    #expect(FormatError.quoted("model.norm é") == "\"model.norm é\"")
    #expect(FormatError.quoted("a\n\u{1B}[31m\u{202E}b") == "\"a\\u{a}\\u{1b}[31m\\u{202e}b\"")
    let long = String(repeating: "a", count: 100) + String(repeating: "b", count: 100)
    #expect(
      FormatError.quoted(long)
        == "\"\(String(repeating: "a", count: 80))...\(String(repeating: "b", count: 20))\"")
  }
}
