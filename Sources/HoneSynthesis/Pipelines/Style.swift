/// Answers to new requests in the tone and the form of a few example answers.
///
/// What is asked is written as ``Instructions`` does; the answer is written after the examples, and
/// what can be counted of it must be as it is of theirs.
package struct Style: SynthesisPipeline {
  package static let name = "style"
  package static let readsPassages = false
  package static let readsExamples = true
  package static let callCount = 2
  package static let steps = [
    Step("ask", [], [.question], "has the teacher write a request after three examples"),
    Step("answer", [.question], [.answer], "has the teacher answer it as the examples do"),
  ]

  package init(_ options: SynthesisOptions) {}

  package func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord] {
    let drafts = try await InstructionWriting.drafts(at: slots, workshop)
    let answers = try await OutputWriting.outputs(of: drafts, at: slots, imitates: true, workshop)
    let range = StyleRange(of: workshop.examples.map(\.output))
    return slots.indices.map { index in
      let draft = drafts[index]
      var verdicts = draft.verdicts + (answers[index].verdict.map { [$0] } ?? [])
      if verdicts.allSatisfy(\.passes) { verdicts.append(range.verdict(on: answers[index].text)) }
      return SynthesisRecord(
        .questionAnswer(question: draft.text, answer: answers[index].text),
        provenance: workshop.provenance(of: draft.call, step: "ask", at: slots[index]),
        attributes: draft.attributes, verdicts: verdicts)
    }
  }
}
