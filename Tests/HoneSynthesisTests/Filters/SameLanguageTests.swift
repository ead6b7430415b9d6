import Testing

@testable import HoneSynthesis

@Suite struct SameLanguageTests {
  private let english = Chunk.sample(
    "The pier opens at seven and is closed by the harbour master when the wind is high.")
  private let german = Chunk.sample(
    "Der Pier öffnet um sieben und wird bei starkem Wind von der Hafenmeisterei geschlossen.")

  private func reason(
    _ question: String, _ answer: String, of chunk: Chunk, drawn: String? = nil
  ) -> String {
    var record = SynthesisRecord.sample(question, answer, of: chunk)
    record.attributes["language"] = drawn
    return SameLanguage().judge(record, in: FilterContext(chunk: chunk)).reason
  }

  @Test func `question and answer are in the passage's language`() {
    let (asked, said) = ("When does the pier open?", "It opens at seven in the morning.")
    let (gefragt, gesagt) = (
      "Wann öffnet der Pier und wer ist da?", "Er öffnet um sieben, und der Wind ist da."
    )
    #expect(reason(asked, said, of: english) == "")
    #expect(reason(gefragt, gesagt, of: german) == "")
    #expect(reason(gefragt, said, of: english) == "the question is German, the passage English")
    #expect(reason(asked, said, of: german) == "the question is English, the passage German")
    #expect(reason(gefragt, said, of: german) == "the answer is English, the passage German")
    // Too short to tell.
    #expect(reason("Wann?", "Um 7.", of: english) == "")
  }

  @Test func `where languages are drawn a question may be in any`() {
    let question = "Wann öffnet der Pier und wer ist da?"
    let answer = "It opens at seven in the morning."
    #expect(reason(question, answer, of: english, drawn: "German") == "")
  }
}
