import HoneText
import Testing

@Suite struct TextErrorTests {
  @Test func `the sentence holds place, problem and advice`() {
    let error = TextError(subject: "t.json", place: "key a", problem: "is odd", advice: "mend it")
    #expect("\(error)" == "t.json: key a: is odd; mend it")
  }
}
