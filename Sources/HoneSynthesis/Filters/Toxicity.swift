/// Rejects records that insult, threaten or debase with words that their passage does not have.
struct Toxicity: Filter {
  let name = "toxicity"
  let reason = "The record has words that insult or threaten, which the documents do not have."

  /// From here on it is likelier toxic than not.
  private let limit = 0.5
  private let list: ToxicWords

  init(_ list: ToxicWords = ToxicWords()) { self.list = list }

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    let texts = (record.content.question.map { [$0] } ?? []) + record.content.answers
    let found = list.findings(
      in: texts.joined(separator: "\n"), beside: context.chunk?.passage ?? "")
    let score = ToxicWords.score(found)
    guard score >= limit else { return passed(value: found.isEmpty ? nil : score) }
    // The words themselves are in the record already.
    return failed(
      "\(found.count) \(found.count == 1 ? "word or phrase" : "words or phrases") of the lists",
      value: score, threshold: limit)
  }
}
