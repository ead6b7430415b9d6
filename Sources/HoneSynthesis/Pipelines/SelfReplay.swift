/// A model's own general behaviour, to be trained on beside new data so that it is not forgotten:
/// what its users ask, as it imagines them, and what it answers.
///
/// The model goes on with its own chat template where a user's message begins, then answers what it
/// wrote there with its likeliest tokens. Xu et al., "Magpie: alignment data synthesis from scratch
/// by prompting aligned LLMs with nothing", 2024.
package struct SelfReplay: SynthesisPipeline {
  package static let name = "self-replay"
  package static let readsPassages = false
  package static let drawsSamplers = false
  package static let callCount = 2
  package static let steps = [
    Step("ask", [], [.question], "has the model write what a user would, after nothing"),
    Step("answer", [.question], [.answer], "has the model answer it as it always does"),
  ]

  package init(_ options: SynthesisOptions) {}

  package func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord] {
    let asked = slots.map { workshop.call(.userTurn(system: nil), step: "ask", at: $0, stops: []) }
    var records = zip(zip(slots, asked), try await workshop.answers(to: asked)).map { place, turn in
      let (slot, call) = place
      let request = turn.text.trimmed
      let fault =
        WrittenForm.fault(
          in: request, part: "request", isFinished: turn.isFinished, fewestWords: 3,
          followsExamples: false, mayRefuse: true)
        ?? Self.leak(in: request, part: "request", workshop)
      return SynthesisRecord(
        .questionAnswer(question: request, answer: ""),
        provenance: workshop.provenance(of: call, step: "ask", at: slot),
        verdicts: fault.map { [$0] } ?? [])
    }
    let places = records.indices.filter { records[$0].isAccepted }
    let calls = places.map { place in
      workshop.call(
        .chat([Turn(.user, records[place].content.request)]), step: "answer", at: slots[place],
        stops: [], isGreedy: true)
    }
    for (place, answer) in zip(places, try await workshop.answers(to: calls)) {
      let text = answer.text.trimmed
      let fault =
        WrittenForm.fault(
          in: text, part: "answer", isFinished: answer.isFinished, followsExamples: false)
        ?? Self.leak(in: text, part: "answer", workshop)
      records[place] = SynthesisRecord(
        .questionAnswer(question: records[place].content.request, answer: text),
        provenance: records[place].provenance, verdicts: fault.map { [$0] } ?? [])
    }
    return records
  }

  /// A verdict against a text that spells out a token of the template.
  private static func leak(in text: String, part: String, _ workshop: Workshop) -> Verdict? {
    let marker = text.firstMatch(of: /<\|[^|<>\n]{1,40}\|>/).map { String($0.0) }
    guard let marker = marker ?? workshop.reader.specialToken(in: text) else { return nil }
    return Verdict(
      "form", passes: false, reason: "the \(part) has a token of the chat template, \(marker)")
  }
}
