import HoneTensors

/// Questions over several passages, of which one holds the answer and the others look like it; the
/// answer quotes the passage. In a share of them no passage holds the answer, and that is what a
/// right answer says.
///
/// Zhang et al., "RAFT: adapting language model to domain specific RAG", 2024.
package struct OpenBook: SynthesisPipeline {
  package static let name = "open-book"
  package static let steps =
    DomainQA.steps + [
      Step(
        "distract", [.passage, .question, .answer], [.distractors, .quote],
        "puts the passages that look like the source beside it, or in its place")
    ]

  /// One in so many has no passage with the answer.
  private static let unanswerable = 5
  /// What is right then.
  static let refusal = "The passages do not say."

  private let options: SynthesisOptions
  private let asking: DomainQA

  package init(_ options: SynthesisOptions) {
    self.options = options
    asking = DomainQA(options)
  }

  package func statements(of chunk: Chunk) -> [Statement?] { asking.statements(of: chunk) }

  package func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord] {
    let asked = try await asking.make(slots, workshop)
    return zip(slots, asked).map { slot, record in
      guard let chunk = slot.chunk else { return record }
      let random = RandomSource(
        seed: options.seed, purpose: "passages", step: Digest.number(of: [slot.place]))
      let isAnswerable = slot.index % Self.unanswerable != Self.unanswerable - 1
      let passages = (isAnswerable ? [chunk] : []) + workshop.neighbours(chunk)
      let order = passages.indices.sorted {
        random.uniform(UInt64($0)) < random.uniform(UInt64($1))
      }
      let oracle = isAnswerable ? order.firstIndex(of: 0) : nil
      let statement = slot.statement?.text ?? ""
      return SynthesisRecord(
        .openBook(
          question: record.content.request, context: order.map { passages[$0].passage },
          oracle: oracle, quote: isAnswerable ? statement : "",
          answer: isAnswerable ? statement : Self.refusal),
        provenance: record.provenance, attributes: record.attributes, verdicts: record.verdicts)
    }
  }

  package func pairs(of record: SynthesisRecord, at slot: Slot) -> [(
    question: String, answer: String
  )] {
    // A question that nothing in its passages answers is judged by the passage that it came from.
    [(record.content.request, slot.statement?.text ?? record.content.response)]
  }
}
