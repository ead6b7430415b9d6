/// Rejects answers without words, and questions and answers that are whole pages.
struct Length: Filter {
  let name = "length"
  let reason = "The question or the answer is empty or far too long to be one."

  private let longestRequest = 100
  private let longestResponse = 400

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    let questions = (record.content.question.map { [$0] } ?? []).map {
      (part: "question", text: $0, longest: longestRequest)
    }
    let answers = record.content.answers.map {
      (part: "answer", text: $0, longest: longestResponse)
    }
    for (part, text, longest) in questions + answers {
      let count = Words.count(text)
      guard (1...longest).contains(count) else {
        return failed(
          "the \(part) has \(count) words, expected 1 to \(longest)", value: Double(count),
          threshold: Double(longest))
      }
    }
    return passed()
  }
}
