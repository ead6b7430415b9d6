/// Has a teacher write the outputs of tasks that it wrote.
enum OutputWriting {
  /// The outputs of drafts, in their order, with a verdict against what is none; nothing for drafts
  /// that are rejected already.
  ///
  /// - Parameter imitates: whether a conversation has the examples as earlier turns. A text that is
  ///   gone on with always shows them.
  static func outputs(
    of drafts: [TaskDraft], at slots: [Slot], imitates: Bool, _ workshop: Workshop
  ) async throws -> [(text: String, verdict: Verdict?)] {
    var results: [(text: String, verdict: Verdict?)] = drafts.map { _ in ("", nil) }
    let places = drafts.indices.filter { drafts[$0].isAccepted }
    let calls = places.map { call(for: drafts[$0], at: slots[$0], imitates: imitates, workshop) }
    for (place, answer) in zip(places, try await workshop.answers(to: calls)) {
      var text = answer.text.trimmed
      if text.hasPrefix("Output:") { text = text.dropFirst("Output:".count).trimmed }
      results[place] = (
        text,
        WrittenForm.fault(
          in: text, part: "answer", isFinished: answer.isFinished, followsExamples: true)
          ?? repetition(text, of: workshop.examples)
      )
    }
    return results
  }

  /// From this likeness on (ROUGE-L), an answer is an example's.
  private static let highestLikeness = 0.8
  /// Answers of fewer words may well be the same.
  private static let fewestWords = 4

  /// Whether an answer is an example's with a word changed, whatever was asked: models fall back on what they were shown.
  static func repetition(_ text: String, of examples: [SeedTask]) -> Verdict? {
    let words = Words.lowercased(text)
    let known = examples.map { example in
      let words = Words.lowercased(example.output)
      // An empty list is like nothing.
      return words.count < fewestWords ? [] : words
    }
    guard let nearest = RougeL.nearest(to: words, among: known), nearest.f1 >= highestLikeness
    else {
      return nil
    }
    return Verdict(
      "novelty", value: nearest.f1, threshold: highestLikeness, passes: false,
      reason: "the answer is that of example \(nearest.place + 1)")
  }

  private static func call(
    for draft: TaskDraft, at slot: Slot, imitates: Bool, _ workshop: Workshop
  ) -> TeacherCall {
    switch workshop.options.prompting {
    case .completion:
      let number = draft.examples.count + 1
      let shown = InstructionWriting.shown(draft.examples)
      return workshop.call(
        .completion(
          beginning: InstructionWriting.opening,
          rest: "\(shown)Task \(number): \(draft.text)\nOutput:"),
        step: "answer", at: slot, stops: ["\n###\n", "\nTask \(number + 1):"], isGreedy: true)
    case .chat:
      var turns: [Turn] = []
      if imitates {
        let system = draft.examples.first { !$0.system.isEmpty }?.system
        if let system { turns.append(Turn(.system, system)) }
        for example in draft.examples {
          turns += [Turn(.user, example.request), Turn(.assistant, example.output)]
        }
      }
      turns.append(Turn(.user, draft.text))
      return workshop.call(.chat(turns), step: "answer", at: slot, stops: [], isGreedy: true)
    }
  }
}
