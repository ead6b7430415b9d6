import Foundation

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
    let asked = slots.map { QuestionWriting.call(for: $0, workshop) }
    let answers = try await workshop.answers(to: asked.map(\.call))
    return zip(slots, zip(asked, answers)).map { slot, pair in
      let (asked, answer) = pair
      let parsed = QuestionWriting.question(asked.opening + answer.text)
      return SynthesisRecord(
        .questionAnswer(question: parsed.text, answer: slot.statement?.text ?? ""),
        provenance: workshop.provenance(of: asked.call, step: "ask", at: slot),
        attributes: ["opening": asked.opening.isEmpty ? "any" : asked.opening],
        verdicts: parsed.verdict.map { [$0] } ?? [])
    }
  }
}

/// Has a teacher write the question that a statement of a passage answers.
package enum QuestionWriting {
  /// What a question may begin with, drawn in turn: a small model asks the same way each time
  /// otherwise. Empty leaves it to the teacher.
  static let openings = [
    "", "What", "How", "", "Which", "Why", "", "When", "What", "Who", "", "Where",
  ]

  /// Passages with a statement and its question, of things that nobody's documents are about.
  static let examples = """
    Passage:
    The harbour of Lorn

    The harbour of Lorn was built in 1871 for the herring fleet. Its north pier is 240 metres long, and \
    boats that draw more than three metres must wait for high water outside. Harbour dues are paid at \
    the office beside the chandlery.

    Answer: Boats that draw more than three metres must wait for high water outside.
    Question: What must boats that draw more than three metres do before they enter the harbour of Lorn?

    ###

    Passage:
    Care of the Velmar kettle

    Empty the kettle after each use, since standing water leaves scale. Once a month boil a cup of \
    vinegar in it, wait for ten minutes and rinse twice. The warranty does not cover kettles that were \
    cleaned with wire wool.

    Answer: The warranty does not cover kettles that were cleaned with wire wool.
    Question: Which kettles does the warranty of the Velmar kettle not cover?

    ###

    Passage:
    Leave for new staff

    New staff earn two days of leave for each full month. Leave is asked for in the calendar, not by \
    mail, at least ten working days ahead. Unused days lapse at the end of March.

    Answer: Unused days lapse at the end of March.
    Question: When do days of leave that were not used lapse?

    ###


    """

  /// The call that writes the question of a slot's statement, and what the question begins with.
  static func call(for slot: Slot, _ workshop: Workshop) -> (call: TeacherCall, opening: String) {
    let statement = slot.statement?.text ?? ""
    let passage = slot.chunk?.passage ?? ""
    // The first try at a statement leaves the beginning to the teacher every other time.
    let opening = openings[(slot.index + 5 * slot.attempt) % openings.count]
    switch workshop.options.prompting {
    case .completion:
      let rest =
        "Answer: \(statement)\nQuestion:" + (opening.isEmpty ? "" : " \(opening)")
      return (
        workshop.call(
          .completion(beginning: "\(examples)Passage:\n\(passage)\n\n", rest: rest), step: "ask",
          at: slot), opening
      )
    case .chat:
      let form = opening.isEmpty ? "" : " Begin it with \"\(opening)\"."
      let request = """
        \(passage)

        Statement: \(statement)

        Write one question that this statement answers and that can be understood without the text \
        above: name what it is about.\(form) Write the question only.
        """
      return (
        workshop.call(.chat([Turn(.user, request)]), step: "ask", at: slot, stops: []), ""
      )
    }
  }

  /// The question in what a teacher wrote: its first line, up to the question mark.
  static func question(_ text: String) -> (text: String, verdict: Verdict?) {
    var line = text.trimmingCharacters(in: .whitespacesAndNewlines)
    line = line.split(separator: "\n").first.map(String.init) ?? ""
    for label in ["Question:", "Q:"] where line.hasPrefix(label) {
      line = line.dropFirst(label.count).trimmingCharacters(in: .whitespaces)
    }
    line = line.trimmingCharacters(in: CharacterSet(charactersIn: "\"“”*"))
    if let mark = line.firstIndex(of: "?") { line = String(line[...mark]) }
    guard line.hasSuffix("?") else {
      return (
        line,
        Verdict("form", passes: false, reason: "what the teacher wrote is no question")
      )
    }
    guard line.split(separator: " ").count >= 4 else {
      return (
        line, Verdict("form", passes: false, reason: "the question has fewer than four words")
      )
    }
    return (line, nil)
  }
}
