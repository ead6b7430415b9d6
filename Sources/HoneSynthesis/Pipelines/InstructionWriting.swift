import Foundation

/// A task that a teacher wrote after examples, before anyone has answered it.
struct TaskDraft {
  var text: String
  /// The examples that were drawn for it.
  var examples: [SeedTask]
  /// The call that wrote it.
  var call: TeacherCall
  var attributes: [String: String]
  var verdicts: [Verdict] = []

  var isAccepted: Bool { verdicts.allSatisfy(\.passes) }
}

/// Has a teacher write new tasks after examples: of three drawn ones another of their kind, and, each
/// third time, of one a changed one.
///
/// Wang et al., "Self-Instruct: aligning language models with self-generated instructions", 2022;
/// Xu et al., "WizardLM", 2023.
enum InstructionWriting {
  /// How many examples a slot draws.
  static let shownExamples = 3
  /// One in so many changes an example.
  private static let evolvedEvery = 3
  /// From when on a task is an example's again, by ROUGE-L, as in Self-Instruct.
  static let highestLikeness = 0.7
  /// What stands before all examples.
  static let opening = "Tasks of different kinds, each with its output.\n\n###\n\n"

  /// What a conversation asks for, drawn in turn: a model comes back to the same few otherwise.
  private static let kinds = [
    "a question about a fact", "an explanation", "a short piece of writing", "a piece of advice",
    "a comparison", "a list of ideas", "a set of steps", "a small calculation or puzzle",
    "a decision with its reasons", "a definition with an example",
  ]

  /// Writes a task for each slot, in their order; what is none or nothing new has a verdict that
  /// says so.
  static func drafts(at slots: [Slot], _ workshop: Workshop) async throws -> [TaskDraft] {
    let plans = slots.map { Plan($0, workshop) }
    let answers = try await workshop.answers(to: plans.map(\.draft.call))
    let known = workshop.examples.map { Words.lowercased($0.instruction) }
    return zip(plans, answers).map { plan, answer in
      var draft = plan.draft
      draft.text = task(answer.text)
      if let fault = WrittenForm.fault(
        in: draft.text, part: "task", isFinished: answer.isFinished, fewestWords: 3,
        followsExamples: true)
      {
        draft.verdicts = [fault]
      } else {
        draft.verdicts = [novelty(of: draft.text, parent: plan.parent, among: known)]
      }
      return draft
    }
  }

  /// The examples as a text that a teacher goes on with, numbered from 1.
  static func shown(_ examples: [SeedTask]) -> String {
    examples.enumerated().map { place, example in
      let input = example.input.isEmpty ? "" : "\nInput: \(example.input)"
      return "Task \(place + 1): \(example.instruction.collapsingSpaces)\(input)\n"
        + "Output: \(example.output)\n\n###\n\n"
    }.joined()
  }

  /// What is asked at a slot, and of what.
  private struct Plan {
    var draft: TaskDraft
    /// The position of the example that is changed; nil where a new task is wanted.
    var parent: Int?

    init(_ slot: Slot, _ workshop: Workshop) {
      let draw = SlotDraw(slot, seed: workshop.options.seed)
      let places = draw.places(shownExamples, of: workshop.examples.count, for: "examples")
      let examples = places.map { workshop.examples[$0] }
      let drawn = DrawnValues(at: slot, workshop.options)
      let prompt: TeacherCall.Prompt
      var making = "bootstrapped"
      var attributes = [
        "examples": places.map { String($0 + 1) }.joined(separator: ", ")
      ]
      if slot.index % evolvedEvery == evolvedEvery - 1, let example = examples.first,
        let evolution = draw.one(of: Evolution.allCases, for: "evolution")
      {
        parent = places.first
        making = "evolved: \(evolution.rawValue)"
        prompt = evolution.prompt(
          example.request.collapsingSpaces, drawn, workshop.options.prompting)
      } else {
        switch workshop.options.prompting {
        case .completion:
          prompt = .completion(
            beginning: opening,
            rest: "\(shown(examples))\(drawn.lines)Task \(examples.count + 1):")
        case .chat:
          let kind = drawn[.questionType] == nil ? draw.one(of: kinds, for: "kind") : nil
          attributes["kind"] = kind
          prompt = .chat([Turn(.user, Self.request(for: kind, drawn, after: examples))])
        }
      }
      attributes["making"] = making
      attributes.merge(drawn.attributes) { $1 }
      let isChat = workshop.options.prompting == .chat
      draft = TaskDraft(
        text: "", examples: examples,
        call: workshop.call(prompt, step: "write", at: slot, stops: isChat ? [] : ["\n"]),
        attributes: attributes)
    }

    private static func request(
      for kind: String?, _ drawn: DrawnValues, after examples: [SeedTask]
    ) -> String {
      let wish = kind.map { " Let it ask for \($0)." } ?? ""
      let list = examples.enumerated().map { "\($0 + 1). \($1.request.collapsingSpaces)" }
      return """
        These tasks were given to an assistant:

        \(list.joined(separator: "\n"))

        Write one new task for the same assistant, on another subject.\(wish) It must \
        be understood and answered without anything else.\(drawn.paragraph)Write the task only, not \
        its answer.
        """
    }
  }

  /// The task in what a teacher wrote, without what introduces it.
  static func task(_ text: String) -> String {
    var text = text.trimmed
    // "Sure! Here is a new task:" on a line of its own.
    if let end = text.firstIndex(where: \.isNewline) {
      let first = text[..<end].trimmed
      let opening = /(?i:sure|certainly|of course|here)\b/
      if first.hasSuffix(":"), first.prefixMatch(of: opening) != nil {
        text = text[end...].trimmed
      }
    }
    text = text.trimmingCharacters(in: CharacterSet(charactersIn: "*")).trimmed
    let label = /(?i:(?:new |rewritten )?(?:task|instruction|request|question)) ?\d*:[* ]*/
    if let match = text.prefixMatch(of: label) { text = text[match.range.upperBound...].trimmed }
    for (open, close) in [("\"", "\""), ("“", "”")]
    where text.count > 2 && text.hasPrefix(open) && text.hasSuffix(close) {
      text = text.dropFirst().dropLast().trimmed
    }
    return text
  }

  /// Whether a task is another than each example; one that an example was changed into may have the
  /// words of that one, if not all and no others.
  static func novelty(of task: String, parent: Int?, among known: [[String]]) -> Verdict {
    let words = Words.lowercased(task)
    if let parent, words == known[parent] {
      return Verdict(
        "novelty", value: 1, threshold: highestLikeness, passes: false,
        reason: "is example \(parent + 1) unchanged")
    }
    // An empty list is like nothing.
    let others = known.enumerated().map { $0 == parent ? [] : $1 }
    guard let nearest = RougeL.nearest(to: words, among: others) else {
      return Verdict("novelty", passes: true)
    }
    let passes = nearest.f1 < highestLikeness
    return Verdict(
      "novelty", value: nearest.f1, threshold: highestLikeness, passes: passes,
      reason: passes ? "" : "is much like example \(nearest.place + 1)")
  }
}
