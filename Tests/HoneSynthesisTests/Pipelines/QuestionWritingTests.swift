import Testing

@testable import HoneSynthesis

@Suite struct QuestionWritingTests {
  @Test(arguments: [
    ("What is the purpose of the north pier?", "The north pier is 240 metres long.", false),
    ("What is the purpose of the lamp?", "The lamp is lit so that boats find the mouth.", true),
    ("How long is the north pier?", "The north pier is 240 metres long.", true),
  ])
  func `a question for a purpose is answered only by what names one`(
    question: String, statement: String, fits: Bool
  ) {
    let asks = QuestionWriting.asksForPurpose(question)
    #expect((!asks || QuestionWriting.namesPurpose(statement)) == fits)
  }
}
