/// New tasks with their answers, after a few examples: bootstrapped from three of them, or one of
/// them made harder.
///
/// Wang et al., "Self-Instruct: aligning language models with self-generated instructions", 2022;
/// Xu et al., "WizardLM: empowering large language models to follow complex instructions", 2023.
package struct Instructions: SynthesisPipeline {
  package static let name = "instructions"
  package static let readsPassages = false
  package static let readsExamples = true
  package static let callCount = 2
  // Filters read an instruction as a question and its output as the answer.
  package static let steps = [
    Step(
      "write", [], [.instruction, .question],
      "has the teacher write a task after three examples, or change one"),
    Step("answer", [.instruction], [.output, .answer], "has the teacher answer it"),
  ]

  package init(_ options: SynthesisOptions) {}

  package func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord] {
    let drafts = try await InstructionWriting.drafts(at: slots, workshop)
    let outputs = try await OutputWriting.outputs(
      of: drafts, at: slots, imitates: false, workshop)
    return slots.indices.map { index in
      let draft = drafts[index]
      return SynthesisRecord(
        .instruction(instruction: draft.text, input: "", output: outputs[index].text),
        provenance: workshop.provenance(of: draft.call, step: "write", at: slots[index]),
        attributes: draft.attributes,
        verdicts: draft.verdicts + (outputs[index].verdict.map { [$0] } ?? []))
    }
  }
}
