import Testing

@testable import HoneSynthesis

@Suite struct StyleTests {
  private let bench: SeedBench

  init() throws { bench = try SeedBench() }

  /// Answers, and the beginning of the reason against them where there is one.
  private static let answers: [(String, String?)] = [
    ("The rain smells of earth.", nil),
    ("It smells.", nil),
    ("Earth.", "words: 1, and the examples have 3 to 5"),
    ("It smells of wet earth and of grass.", "words: 8, and"),
    ("It rains. It smells.", "sentences: 2, and the examples have 1"),
    ("- It smells of earth.", "share of lines that are list items: 1, and the examples have 0"),
    ("It smells of earth", "a mark at its end (1 or 0): 0, and the examples have 1"),
  ]

  @Test(arguments: answers)
  func `an answer that is not like the examples is rejected by what can be counted`(
    answer: String, reason: String?
  ) async throws {
    let teacher = RuledTeacher { call in
      .said(call.asksForAnswer ? answer : "How does rain smell to you?")
    }
    let record = try #require(
      try await bench.records(of: bench.options("style"), at: [Slot(attempt: 0)], by: teacher)
        .first)
    #expect(
      record.content == .questionAnswer(question: "How does rain smell to you?", answer: answer))
    #expect(record.rejection?.filter == (reason == nil ? nil : "style"))
    if let reason { #expect(record.rejection?.reason.hasPrefix(reason) == true) }
  }

  @Test func `what is rejected for its form has no verdict of style`() async throws {
    let teacher = RuledTeacher { call in .said(call.asksForAnswer ? "" : "Who sails today?") }
    let record = try #require(
      try await bench.records(of: bench.options("style"), at: [Slot(attempt: 0)], by: teacher)
        .first)
    #expect(record.rejection?.filter == "form")
    #expect(!record.verdicts.contains { $0.filter == "style" })
  }

  @Test func `answers of another language are told from the examples`() {
    let range = StyleRange(of: [
      "The boat is at the pier and it has to wait for the tide.",
      "You can row with the oar, and you can steer with it.",
      "It is the old linden that stands at the gate.",
    ])
    #expect(range.verdict(on: "The ferry is at the pier and it is not full.").passes)
    let verdict = range.verdict(on: "Das Boot ist nicht im Hafen und wird auf der Werft sein.")
    #expect(!verdict.passes)
    #expect(verdict.reason == "the language is de, and the examples' en")
  }

  @Test func `examples that differ leave what they differ in open`() {
    let range = StyleRange(of: ["- One boat\n- One oar", "Two boats lie here.", "Three of them"])
    #expect(range.verdict(on: "Four of them lie here.").passes)
    #expect(range.verdict(on: "- Four of them\n- One oar").passes)
  }

  @Test func `a conversation has the examples as earlier turns`() async throws {
    let teacher = RuledTeacher { call in
      .said(call.asksForAnswer ? "It smells of earth." : "How does rain smell to you?")
    }
    _ = try await bench.records(
      of: bench.options("style", prompting: "chat"), at: [Slot(attempt: 0)], by: teacher)
    let call = try #require(teacher.asked.last)
    guard case .chat(let turns) = call.prompt else { throw SynthesisError("", problem: "no chat") }
    let told = turns.drop { $0.role == .system }
    #expect(told.map(\.role) == [.user, .assistant, .user, .assistant, .user, .assistant, .user])
    #expect(turns.last == Turn(.user, "How does rain smell to you?"))
    for (request, answer) in zip(told.dropLast(), told.dropFirst()) where request.role == .user {
      #expect(
        SeedBench.tasks.contains { $0.request == request.content && $0.output == answer.content })
    }
    // The example with a system turn is among those that were drawn, or there is no such turn.
    let isTold = told.contains { $0.content == "Why do bees dance on the comb?" }
    #expect((turns.first == Turn(.system, "Be brief.")) == isTold)
    #expect(call.temperature == 0)
  }
}
