/// Rejects questions that say what their answer says: there is nothing left to ask.
struct GivesAway: Filter {
  let name = "gives_away"
  let reason = "The question says nearly all that the answer says, so it teaches to echo."

  /// The share of the answer's words that its question may have.
  private let limit = 0.9

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    // Texts that are worked on are in the answer with good reason.
    switch record.content {
    case .questionAnswer, .openBook, .examItem, .preference, .conversation: break
    case .instruction, .extraction: return passed()
    }
    let shares = record.content.exchanges.compactMap { share(of: $1, in: $0) }
    guard let share = shares.max() else { return passed() }
    guard share >= limit else { return passed(value: share, threshold: limit) }
    return failed(
      "\(Int((share * 100).rounded())) % of the answer's words stand in the question", value: share,
      threshold: limit)
  }

  /// The share of an answer's words that its question has; nil of so few that nothing can be told.
  private func share(of answer: String, in question: String) -> Double? {
    let asked = Set(Words.lowercased(question))
    // Short words are everywhere.
    let words = Set(
      Words.lowercased(answer).filter { $0.count > 3 || $0.contains(where: \.isNumber) })
    guard words.count > 2 else { return nil }
    return Double(words.count { asked.contains($0) }) / Double(words.count)
  }
}
