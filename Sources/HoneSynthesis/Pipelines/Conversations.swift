import Foundation

/// Conversations over one passage: two or three questions, each answered by a statement, in the
/// order in which the passage has them.
package struct Conversations: SynthesisPipeline {
  package static let name = "conversations"
  // One conversation of each passage before the next of any.
  package static let perVisit = 1
  package static let questionCount = 3
  package static let steps =
    DomainQA.steps + [
      Step(
        "follow", [.passage, .statement, .question, .answer], [.turns],
        "has the teacher go on asking, with what was said before")
    ]

  /// How many conversations are made at once: the passages of so many are kept by a local teacher
  /// from one question to the next.
  private static let together = 8

  private let options: SynthesisOptions

  package init(_ options: SynthesisOptions) { self.options = options }

  package var examples: String { FollowUpWriting.examples }

  /// The first statement of each conversation: so many further on that none shares a statement with
  /// another.
  package func statements(of chunk: Chunk) -> [Statement?] {
    let all = StatementSelection.statements(of: chunk)
    return stride(from: 0, to: all.count - 1, by: Self.questionCount).map { all[$0] }
  }

  /// The statements of a slot's conversation.
  static func run(at slot: Slot) -> [Statement] {
    guard let chunk = slot.chunk, let first = slot.statement else { return [] }
    let all = StatementSelection.statements(of: chunk)
    guard let start = all.firstIndex(of: first) else { return [] }
    return Array(all[start...].prefix(questionCount - 1 + slot.index % 2))
  }

  package func controls(
    _ slots: [Slot], _ workshop: Workshop
  ) async throws -> [SynthesisRecord] { try await DomainQA(options).make(slots, workshop) }

  package func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord] {
    var records: [SynthesisRecord] = []
    for start in stride(from: 0, to: slots.count, by: Self.together) {
      let end = min(start + Self.together, slots.count)
      records += try await conversations(at: Array(slots[start..<end]), workshop)
    }
    return records
  }

  /// A conversation as far as it has come.
  private struct Draft {
    var slot: Slot
    var statements: [Statement]
    var turns: [(question: String, answer: String)] = []
    var call: TeacherCall?
    var attributes: [String: String] = [:]
    var verdict: Verdict?
  }

  private func conversations(
    at slots: [Slot], _ workshop: Workshop
  ) async throws -> [SynthesisRecord] {
    var drafts = slots.map { Draft(slot: $0, statements: Self.run(at: $0)) }
    for number in 0..<Self.questionCount {
      let going = drafts.indices.filter {
        drafts[$0].verdict == nil && drafts[$0].statements.count > number
      }
      let firsts = going.map {
        number == 0 ? QuestionWriting.Asking(at: drafts[$0].slot, workshop) : nil
      }
      let calls = zip(going, firsts).map { index, first -> TeacherCall in
        if let first { return first.call }
        let draft = drafts[index]
        var slot = draft.slot
        slot.statement = draft.statements[number]
        return FollowUpWriting.call(for: slot, after: draft.turns, workshop)
      }
      let answers = try await workshop.answers(to: calls)
      for (position, index) in going.enumerated() {
        let parsed =
          firsts[position]?.question(in: answers[position])
          ?? QuestionWriting.question(answers[position].text)
        drafts[index].turns.append((parsed.text, drafts[index].statements[number].text))
        drafts[index].call = calls[position]
        drafts[index].verdict = parsed.verdict
        if let first = firsts[position] { drafts[index].attributes = first.attributes }
      }
    }
    return drafts.map { record(of: $0, workshop) }
  }

  private func record(of draft: Draft, _ workshop: Workshop) -> SynthesisRecord {
    // Its source is all that it takes of the passage.
    var whole = draft.slot
    if let first = draft.statements.first, let last = draft.statements.last {
      whole.statement = Statement(
        text: first.text, range: first.range.lowerBound..<last.range.upperBound)
    }
    return SynthesisRecord(
      .conversation(
        draft.turns.flatMap { [Turn(.user, $0.question), Turn(.assistant, $0.answer)] }),
      provenance: workshop.provenance(
        of: draft.call, step: draft.turns.count > 1 ? "follow" : "ask", at: whole),
      attributes: draft.attributes.merging(["questions": "\(draft.turns.count)"]) { $1 },
      verdicts: draft.verdict.map { [$0] } ?? [])
  }

  /// The last question and its answer.
  package func pair(of record: SynthesisRecord, at slot: Slot) -> (
    question: String, answer: String
  )? {
    guard case .conversation(let turns) = record.content else {
      return (record.content.request, record.content.response)
    }
    guard let question = turns.last(where: { $0.role == .user }),
      let answer = turns.last(where: { $0.role == .assistant })
    else { return nil }
    return (question.content, answer.content)
  }
}

/// Has a teacher go on asking about a passage.
package enum FollowUpWriting {
  /// Conversations over passages that nobody's documents are about.
  static let examples = """
    Passage:
    The harbour of Lorn

    The harbour of Lorn was built in 1871 for the herring fleet. Its north pier is 240 metres long, and \
    boats that draw more than three metres must wait for high water outside. Harbour dues are paid at \
    the office beside the chandlery.

    Answer: The harbour of Lorn was built in 1871 for the herring fleet.
    Question: What was the harbour of Lorn built for, and when?

    Answer: Its north pier is 240 metres long, and boats that draw more than three metres must wait for \
    high water outside.
    Question: Can boats enter it at any time of the day?

    Answer: Harbour dues are paid at the office beside the chandlery.
    Question: And where do I pay the dues?

    ###

    Passage:
    Care of the Velmar kettle

    Empty the kettle after each use, since standing water leaves scale. Once a month boil a cup of \
    vinegar in it, wait for ten minutes and rinse twice. The warranty does not cover kettles that were \
    cleaned with wire wool.

    Answer: Empty the kettle after each use, since standing water leaves scale.
    Question: Why should I not leave water in the Velmar kettle?

    Answer: The warranty does not cover kettles that were cleaned with wire wool.
    Question: May I clean it with wire wool then?

    ###


    """

  /// The call that writes the next question, to which a slot's statement is the answer.
  static func call(
    for slot: Slot, after turns: [(question: String, answer: String)], _ workshop: Workshop
  ) -> TeacherCall {
    let statement = slot.statement?.text ?? ""
    let passage = slot.chunk?.passage ?? ""
    let drawn = DrawnValues(at: slot, workshop.options)
    switch workshop.options.prompting {
    case .completion:
      let before = turns.map { "Answer: \($0.answer)\nQuestion: \($0.question)\n\n" }.joined()
      return workshop.call(
        .completion(
          beginning: "\(examples)Passage:\n\(passage)\n\n",
          rest: "\(before)Answer: \(statement)\n\(drawn.lines)Question:"), step: "follow", at: slot)
    case .chat:
      let before = turns.map { "Question: \($0.question)\nAnswer: \($0.answer)\n" }.joined()
      let request = """
        \(passage)

        So far somebody has asked and was told:
        \(before)
        Statement: \(statement)

        Write the one question that the same person asks next and that this statement answers. It \
        goes on from what was said and does not speak of the text above.\(drawn.paragraph)Write the \
        question only.
        """
      return workshop.call(.chat([Turn(.user, request)]), step: "follow", at: slot, stops: [])
    }
  }
}
