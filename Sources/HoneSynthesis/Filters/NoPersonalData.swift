/// Rejects records with personal data, which their documents had masked or dropped: what a teacher
/// writes is its own, or what it remembers of others.
///
/// Where documents keep their personal data, it is not asked.
struct NoPersonalData: Filter {
  let name = "personal_data"
  let reason = "The record has personal data that documents were to be rid of."

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    let texts = [record.content.request] + record.content.answers
    let found = texts.lazy.compactMap { PersonalData.findings(in: $0).first }.first
    // The reason names the kind alone: what is rejected is not to be told again.
    return found.map { failed("it has \($0.kind.label)") } ?? passed()
  }
}
