extension SynthesisRun {
  /// The places whose questions are known to differ: several statements of each of some passages,
  /// since what is asked of one passage is most alike.
  func paraphraseSlots(_ material: Material) -> [Slot] {
    let passages = material.own(kind)
    guard options.paraphraseCost != nil, !passages.isEmpty else { return [] }
    let count = min(passages.count, options.controlCount / 2)
    let perPassage = options.controlCount / count
    let slots = SlotSequence(
      chunks: (0..<count).map { passages[$0 * passages.count / count] }, perVisit: perPassage,
      statements: { StatementSelection.statements(of: $0) })
    // Another try at a statement may ask the same again.
    return slots.prefix(count * perPassage).filter { $0.attempt == 0 }
  }

  /// What tells paraphrases, with its line; nil where the recipe does not want any told.
  func paraphrases(at slots: [Slot], _ workshop: Workshop) async throws -> Paraphrases? {
    guard let cost = options.paraphraseCost else { return nil }
    let records = try await pipeline.controls(slots, workshop)
    // As in a run, where those that share their words do not come this far.
    let seen = try LikeRequests(similarity: options.similarity)
    let requests = try records.filter(\.isAccepted).map(\.content.request).filter { request in
      let isNew = try seen.match(request) == nil
      try seen.insert(request, source: "")
      return isNew
    }
    return try Paraphrases(
      controls: requests, cost: cost, embedder: reader, ledger: workshop.ledger)
  }
}
