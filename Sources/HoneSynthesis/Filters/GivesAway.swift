/// Rejects questions that say what their answer says: there is nothing left to ask.
struct GivesAway: Filter {
  let name = "gives_away"
  let reason = "The question says nearly all that the answer says, so it teaches to echo."

  /// The share of the answer's words that its question may have.
  private let limit = 0.9

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    // Texts that are worked on are in the answer with good reason; several turns share their words.
    switch record.content {
    case .questionAnswer, .openBook, .examItem, .preference: break
    case .conversation, .instruction, .extraction: return passed()
    }
    let asked = Set(Words.lowercased(record.content.request))
    // Short words are everywhere.
    let words = Set(
      Words.lowercased(record.content.response).filter {
        $0.count > 3 || $0.contains(where: \.isNumber)
      })
    guard words.count > 2 else { return passed() }
    let share = Double(words.count { asked.contains($0) }) / Double(words.count)
    guard share >= limit else { return passed(value: share, threshold: limit) }
    return failed(
      "\(Int((share * 100).rounded())) % of the answer's words stand in the question", value: share,
      threshold: limit)
  }
}
