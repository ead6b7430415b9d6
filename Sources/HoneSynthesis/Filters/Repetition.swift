/// Rejects texts that go round in circles.
struct Repetition: Filter {
  let name = "repetition"
  let reason = "The text repeats itself, as small models do when they lose the thread."

  /// The share of runs of four words that may have stood before.
  private let limit = 0.3

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    let questions = (record.content.question.map { [$0] } ?? []).map { ("question", $0) }
    for (part, text) in questions + record.content.answers.map({ ("answer", $0) }) {
      let runs = WordHashes.runs(of: 4, in: WordHashes.of(text))
      guard runs.count > 1 else { continue }
      let repeated = 1 - Double(Set(runs).count) / Double(runs.count)
      if repeated > limit {
        return failed(
          "\(Int((repeated * 100).rounded())) % of the \(part) repeats what stood before",
          value: repeated, threshold: limit)
      }
    }
    return passed()
  }
}
