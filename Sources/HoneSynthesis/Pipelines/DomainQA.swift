/// Questions and answers about the facts of documents, answer first: the passage supplies the answer,
/// a statement of it word for word, and the teacher only the question.
///
/// A small model cannot be trusted with facts, but it can ask for one. Alberti et al., 2019; Li et
/// al., "Self-alignment with instruction backtranslation", 2023.
package struct DomainQA: SynthesisPipeline {
  package static let name = "domain-qa"
  package static let steps = [
    Step("ingest", [], [.passage], "reads the documents and cuts them into passages"),
    Step("select", [.passage], [.statement], "chooses statements that say something of their own"),
    Step(
      "ask", [.passage, .statement], [.question, .answer],
      "has the teacher write the question that a statement answers"),
  ]

  private let options: SynthesisOptions

  package init(_ options: SynthesisOptions) { self.options = options }

  package func statements(of chunk: Chunk) -> [Statement?] {
    StatementSelection.statements(of: chunk)
  }

  package func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord] {
    let asked = slots.map { QuestionWriting.Asking(at: $0, workshop) }
    let answers = try await workshop.answers(to: asked.map(\.call))
    return zip(slots, zip(asked, answers)).map { slot, pair in
      let (asked, answer) = pair
      let parsed = asked.question(in: answer)
      return SynthesisRecord(
        .questionAnswer(question: parsed.text, answer: slot.statement?.text ?? ""),
        provenance: workshop.provenance(of: asked.call, step: "ask", at: slot),
        attributes: asked.attributes, verdicts: parsed.verdict.map { [$0] } ?? [])
    }
  }
}
