/// Rejects questions and answers in another language than their passage's, as small models fall into.
///
/// Where the recipe draws languages, a question may be in any.
struct SameLanguage: Filter {
  let name = "language"
  let reason = "The question or the answer is not in the language of the passage."

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    guard let chunk = context.chunk, let wanted = Language.detected(in: chunk.passage) else {
      return passed()
    }
    let isDrawn = record.attributes[Sampler.language.rawValue] != nil
    let questions = isDrawn ? [] : (record.content.question.map { [$0] } ?? [])
    for (part, text) in questions.map({ ("question", $0) })
      + record.content.answers.map({ ("answer", $0) })
    {
      guard let found = Language.detected(in: text), found != wanted else { continue }
      return failed(
        "the \(part) is \(String(describing: found).capitalized), the passage "
          + String(describing: wanted).capitalized)
    }
    return passed()
  }
}
