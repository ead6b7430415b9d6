import Testing

@testable import HoneSynthesis

@Suite struct SynthesisErrorTests {
  @Test func `says what, where, why and what to do in one sentence`() {
    let error = SynthesisError(
      "notes.pdf", place: "page 3", problem: "holds no text", advice: "recognise it first")
    #expect("\(error)" == "notes.pdf: page 3: holds no text; recognise it first")
    #expect("\(SynthesisError("docs", problem: "is empty"))" == "docs: is empty")
  }
}
