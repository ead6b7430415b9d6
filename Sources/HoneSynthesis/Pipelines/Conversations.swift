import Foundation

/// Conversations over one passage: two or three questions, each answered by a statement, in the
/// order in which the passage has them.
package struct Conversations: SynthesisPipeline {
  package static let name = "conversations"
  // One conversation of each passage before the next of any.
  package static let perVisit = 1
  package static let questionCount = 3
  package static let callCount = questionCount * tries
  package static let steps =
    DomainQA.steps + [
      Step(
        "follow", [.passage, .statement, .question, .answer], [.turns],
        "has the teacher go on asking, with what was said before")
    ]

  /// How often a turn's question is tried, each time for another part of its statement.
  private static let tries = 3
  /// From this likeness on, a question is one that was asked before.
  private static let sameQuestion = 0.8
  /// How many conversations are made at once: the passages of so many are kept by a local teacher
  /// from one question to the next.
  private static let together = 8

  private let options: SynthesisOptions

  package init(_ options: SynthesisOptions) { self.options = options }

  package var examples: String { QuestionWriting.conversations }

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
    var turns: [QuestionWriting.Exchange] = []
    var call: TeacherCall?
    var attributes: [String: String] = [:]
    var verdict: Verdict?
  }

  private func conversations(
    at slots: [Slot], _ workshop: Workshop
  ) async throws -> [SynthesisRecord] {
    var drafts = slots.map { Draft(slot: $0, statements: Self.run(at: $0)) }
    for number in 0..<Self.questionCount {
      var going = drafts.indices.filter {
        drafts[$0].verdict == nil && drafts[$0].statements.count > number
      }
      for attempt in 0..<Self.tries where !going.isEmpty {
        let asked = going.map { index in
          var slot = drafts[index].slot
          slot.statement = drafts[index].statements[number]
          slot.attempt = slot.attempt * Self.tries + attempt
          return QuestionWriting.Asking(at: slot, workshop, after: drafts[index].turns)
        }
        let answers = try await workshop.answers(to: asked.map(\.call))
        for (index, (asked, answer)) in zip(going, zip(asked, answers)) {
          let parsed = asked.question(in: answer)
          if attempt > 0 { drafts[index].turns.removeLast() }
          let isRepeated = drafts[index].turns.contains {
            WordOverlap.f1($0.question, parsed.text) >= Self.sameQuestion
          }
          drafts[index].verdict =
            parsed.verdict
            ?? (isRepeated
              ? Verdict("form", passes: false, reason: "the question was asked before") : nil)
          drafts[index].turns.append(
            .init(
              statement: drafts[index].statements[number].text, focus: asked.focus.text,
              question: parsed.text))
          drafts[index].call = asked.call
          if number == 0 { drafts[index].attributes = asked.attributes }
        }
        going = going.filter { drafts[$0].verdict != nil }
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
        draft.turns.flatMap { [Turn(.user, $0.question), Turn(.assistant, $0.statement)] }),
      provenance: workshop.provenance(
        of: draft.call, step: draft.turns.count > 1 ? "follow" : "ask", at: whole),
      attributes: draft.attributes.merging(["questions": "\(draft.turns.count)"]) { $1 },
      verdicts: draft.verdict.map { [$0] } ?? [])
  }
}
