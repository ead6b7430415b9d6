/// A way in which a task becomes another one.
///
/// Xu et al., "WizardLM: empowering large language models to follow complex instructions", 2023
/// (Evol-Instruct).
enum Evolution: String, CaseIterable {
  case constraint, deepen, concrete, reasoning, breadth

  /// What the new task is, after "so that it".
  private var aim: String {
    switch self {
    case .constraint: "has one more condition that the answer must meet"
    case .deepen: "asks for more depth: for reasons, limits or consequences"
    case .concrete: "is about a definite case instead of a general one"
    case .reasoning: "can only be solved in several steps of reasoning"
    case .breadth: "asks for the same kind of work in an entirely different field"
    }
  }

  /// Tasks and what became of them, of things that nobody's tasks are about.
  private var examples: [(before: String, after: String)] {
    let letter = "Write a short letter that thanks a neighbour for watering the plants."
    let tides = "Explain why there are tides."
    return switch self {
    case .constraint:
      [
        (letter, "Write a letter of at most forty words that thanks a neighbour for help."),
        (tides, "Explain why there are tides without using the word gravity."),
      ]
    case .deepen:
      [
        (letter, "Say what makes a letter of thanks sound honest, and what dutiful."),
        (tides, "Explain why most coasts have two tides a day while some have only one."),
      ]
    case .concrete:
      [
        (letter, "Write a letter to Mrs Lindqvist, who watered nine tomato plants in July."),
        (tides, "Explain why the tides in the Bay of Fundy rise more than fifteen metres."),
      ]
    case .reasoning:
      [
        (
          letter,
          "A neighbour watered 14 plants with 2 litres each on 9 days: how much water does a fair "
            + "letter of thanks have to mention?"
        ),
        (
          tides,
          "High water was at 6:10 and comes 50 minutes later each day: on which day is it after nine?"
        ),
      ]
    case .breadth:
      [
        (letter, "Draft a notice that tells the guests of a hotel about works in the corridor."),
        (tides, "Explain why bread dough rises faster in a warm kitchen."),
      ]
    }
  }

  /// What a teacher goes on with or is asked, to make another task of one.
  func prompt(
    _ task: String, _ drawn: DrawnValues, _ prompting: SynthesisOptions.Prompting
  ) -> TeacherCall.Prompt {
    switch prompting {
    case .completion:
      let shown = examples.map { "Task: \($0.before)\nRewritten: \($0.after)\n\n###\n\n" }
      return .completion(
        beginning: "Each task is rewritten so that it \(aim).\n\n###\n\n\(shown.joined())",
        rest: "Task: \(task)\n\(drawn.lines)Rewritten:")
    case .chat:
      return .chat([
        Turn(
          .user,
          """
          \(task)

          Rewrite this task so that it \(aim). The new task must be understood and answered without \
          anything else.\(drawn.paragraph)Write the new task only, not its answer.
          """)
      ])
    }
  }
}
