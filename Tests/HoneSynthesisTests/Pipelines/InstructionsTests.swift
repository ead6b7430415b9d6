import Foundation
import Testing

@testable import HoneSynthesis

@Suite struct InstructionsTests {
  private let bench: SeedBench

  init() throws { bench = try SeedBench() }

  private static let task = "Describe the smell of rain to a child."

  /// What a teacher writes and answers, and which verdict rejects it.
  struct Case: CustomTestStringConvertible {
    var task = InstructionsTests.task
    var isTaskFinished = true
    var answer = "It smells of wet earth."
    var isAnswerFinished = true
    var filter: String?
    var reason = ""

    var testDescription: String { reason.isEmpty ? "accepted" : reason }
  }

  private static let cases = [
    Case(),
    Case(task: " ", filter: "form", reason: "the task is empty"),
    Case(task: "Describe rain.", filter: "form", reason: "the task has fewer than 3 words"),
    Case(
      task: "Output: It smells of earth.", filter: "form",
      reason: "the task repeats a label of its prompt, output:"),
    Case(
      task: "I'm sorry, but I can't think of one.", filter: "form",
      reason: "the task begins like a refusal"),
    Case(
      isTaskFinished: false, filter: "form",
      reason: "the task was cut off: it is longer than the most tokens"),
    Case(
      task: "Name the tallest tree of the park.", filter: "novelty",
      reason: "is much like example 1"),
    Case(answer: "", filter: "form", reason: "the answer is empty"),
    Case(
      answer: "As an AI, I have no nose.", filter: "form",
      reason: "the answer begins like a refusal"),
    Case(
      answer: "They tell where the flowers are.", filter: "novelty",
      reason: "the answer is that of example 3"),
    Case(
      isAnswerFinished: false, filter: "form",
      reason: "the answer was cut off: it is longer than the most tokens"),
  ]

  @Test(arguments: cases, ["completion", "chat"])
  func `each verdict comes with its reason`(example: Case, prompting: String) async throws {
    let teacher = RuledTeacher { call in
      call.asksForAnswer
        ? .said(example.answer, isFinished: example.isAnswerFinished)
        : .said(example.task, isFinished: example.isTaskFinished)
    }
    let record = try #require(
      try await bench.records(
        of: bench.options("instructions", prompting: prompting), at: [Slot(attempt: 0)],
        by: teacher
      ).first)
    #expect(record.rejection?.filter == example.filter)
    #expect(record.rejection?.reason ?? "" == example.reason)
    #expect(record.attributes["making"] == "bootstrapped")
    guard example.filter == nil else { return }
    #expect(
      record.content
        == .instruction(
          instruction: Self.task, input: "", output: "It smells of wet earth."))
  }

  @Test func `a task that was rejected is not answered`() async throws {
    let teacher = RuledTeacher { _ in .said("") }
    _ = try await bench.records(
      of: bench.options("instructions"), at: [Slot(attempt: 0)], by: teacher)
    #expect(teacher.asked.count == 1)
  }

  @Test func `each third slot changes an example, into anything but itself`() async throws {
    let slots = (0..<6).map { Slot(attempt: 0, index: $0) }
    let options = try bench.options("instructions")
    func evolved(_ rule: @escaping (String) -> String) async throws -> [SynthesisRecord] {
      let teacher = RuledTeacher { call in
        guard case .completion(_, let rest) = call.prompt, rest.hasSuffix("Rewritten:") else {
          return .said("Describe the smell of rain to a child.")
        }
        let task = rest.dropFirst("Task: ".count).dropLast("\nRewritten:".count)
        return .said(rule(String(task)))
      }
      let records = try await bench.records(of: options, at: slots, by: teacher)
      #expect(
        records.map { $0.attributes["making"] == "bootstrapped" } == [
          true, true, false, true, true, false,
        ])
      return [records[2], records[5]]
    }
    for record in try await evolved({ $0 + " Answer in verse." }) {
      #expect(record.attributes["making"]?.hasPrefix("evolved: ") == true)
      #expect(record.isAccepted)
    }
    // An example with an input is shown with it, so that its instruction alone is another task.
    let tasks = SeedBench.tasks.map(\.instruction)
    for record in try await evolved({ task in tasks.first { task.hasPrefix($0) } ?? task }) {
      #expect(record.rejection?.filter == "novelty")
      #expect(record.rejection?.reason.hasSuffix("unchanged") == true)
    }
  }

  @Test(arguments: ["completion", "chat"])
  func `the same seed asks the same, slot by slot or at once, and another seed something else`(
    prompting: String
  ) async throws {
    func rule(_ call: TeacherCall) -> TeacherAnswer {
      .said("Tell of ship \(call.seed % 9973) and berth \(call.seed % 9967).")
    }
    let slots = (0..<9).map { Slot(attempt: 0, index: $0) }
    func asked(seed: Int, each size: Int) async throws -> (Set<String>, [SynthesisRecord]) {
      let teacher = RuledTeacher(rule)
      let options = try bench.options("instructions", prompting: prompting, seed: seed)
      var records: [SynthesisRecord] = []
      for start in stride(from: 0, to: slots.count, by: size) {
        records += try await bench.records(
          of: options, at: Array(slots[start..<min(start + size, slots.count)]), by: teacher)
      }
      return (Set(teacher.asked.map { "\($0.seed) \($0.text)" }), records)
    }
    let first = try await asked(seed: 7, each: 9)
    for size in [1, 4] {
      let again = try await asked(seed: 7, each: size)
      #expect(again.0 == first.0)
      #expect(again.1 == first.1)
    }
    #expect(try await asked(seed: 8, each: 9).0.isDisjoint(with: first.0))
  }

  @Test func `a conversation shows the examples in order, with their inputs`() async throws {
    let teacher = RuledTeacher { _ in .said("") }
    _ = try await bench.records(
      of: bench.options("instructions", prompting: "chat"),
      at: (0..<2).map { Slot(attempt: 0, index: $0) }, by: teacher)
    for call in teacher.asked {
      #expect(call.text.contains("\n3. "))
      #expect(SeedBench.tasks.count { call.text.contains($0.instruction) } == 3)
    }
  }

  @Test(arguments: [
    ("Task 4: Draw a boat.", "Draw a boat."), ("Sure! Here it is:\n\nDraw a boat.", "Draw a boat."),
    ("**Task:** Draw a boat.", "Draw a boat."), ("\"Draw a boat.\"", "Draw a boat."),
    ("\"Boat\" is which word in Dutch?", "\"Boat\" is which word in Dutch?"),
    ("Draw {a} {{boat}}.", "Draw {a} {{boat}}."),
  ])
  func `what introduces a task is no part of it`(written: String, task: String) {
    #expect(InstructionWriting.task(written) == task)
  }

  @Test func `being sorry alone is no refusal`() {
    #expect(WrittenForm.isRefusal("I’m sorry, but I cannot help with that."))
    #expect(WrittenForm.isRefusal("As a language model, I do not eat."))
    #expect(!WrittenForm.isRefusal("I'm sorry that your parcel is late. It leaves today."))
  }
}
