import Foundation
import HoneModels
import Testing

@testable import HoneSynthesis

@Suite struct SelfReplayTests {
  private let bench: SeedBench

  init() throws { bench = try SeedBench() }

  struct Case: CustomTestStringConvertible {
    var request = "How deep is the harbour?"
    var isRequestFinished = true
    var answer = "Nine metres."
    var isAnswerFinished = true
    var reason: String?

    var testDescription: String { reason ?? "accepted" }
  }

  private static let cases = [
    Case(),
    Case(request: "I cannot open the boathouse, why?"),
    Case(answer: "Output: nine."),
    Case(request: "\n", reason: "the request is empty"),
    Case(request: "Hello there", reason: "the request has fewer than 3 words"),
    Case(
      isRequestFinished: false,
      reason: "the request was cut off: it is longer than the most tokens"),
    Case(
      request: "How deep is it?<|im_end|>",
      reason: "the request has a token of the chat template, <|im_end|>"),
    Case(answer: " ", reason: "the answer is empty"),
    Case(
      isAnswerFinished: false, reason: "the answer was cut off: it is longer than the most tokens"),
    Case(
      answer: "Nine.<|im_start|>user",
      reason: "the answer has a token of the chat template, <|im_start|>"),
    Case(answer: "I'm sorry, but I can't say.", reason: "the answer begins like a refusal"),
  ]

  @Test(arguments: cases)
  func `each verdict comes with its reason`(example: Case) async throws {
    let teacher = RuledTeacher { call in
      call.asksForAnswer
        ? .said(example.answer, isFinished: example.isAnswerFinished)
        : .said(example.request, isFinished: example.isRequestFinished)
    }
    let record = try #require(
      try await bench.records(
        of: bench.options("self-replay"), at: [Slot(attempt: 0)], by: teacher
      ).first)
    #expect(record.rejection?.reason == example.reason)
    #expect(record.rejection.map { $0.filter == "form" } ?? true)
    guard example.reason == nil else { return }
    #expect(
      record.content == .questionAnswer(question: example.request, answer: example.answer))
    #expect(
      teacher.asked.map(\.prompt) == [
        .userTurn(system: nil), .chat([Turn(.user, example.request)]),
      ])
    #expect(teacher.asked.map { $0.temperature == 0 } == [false, true])
  }

  @Test func `each slot has a seed of its own`() async throws {
    let teacher = RuledTeacher { _ in .said("") }
    _ = try await bench.records(
      of: bench.options("self-replay"), at: (0..<5).map { Slot(attempt: 0, index: $0) },
      by: teacher)
    #expect(Set(teacher.asked.map(\.seed)).count == 5)
  }

  // MARK: The template

  private func format(_ template: String) throws -> (folder: Folder, format: ChatFormat) {
    let folder = try Folder(["chat_template.jinja": template])
    return (folder, try ChatFormat(LocalModel(path: folder.path, layout: .folder)))
  }

  @Test func `a template is cut where the user's message stands`() throws {
    let model = bench.reader.model
    let plain = try UserTurnFrame(model.chatFormat, system: nil)
    #expect(plain.before == "<|im_start|>user\n")
    #expect(plain.after == "<|im_end|>\n")
    let ends = plain.ends(model.tokenizer)
    let ids = ["<|im_start|>", "<|im_end|>"].compactMap(model.tokenizer.id)
    #expect(ends.tokens == Set(ids))
    #expect(ends.texts.isEmpty)
    let told = try UserTurnFrame(model.chatFormat, system: "Be {brief}.")
    #expect(told.before == "<|im_start|>system\nBe {brief}.<|im_end|>\n<|im_start|>user\n")
  }

  @Test func `a message that plain text ends is ended by that text`() throws {
    let (folder, format) = try format(
      "{% for message in messages %}[INST] {{ message['content'] }} [/INST]{% endfor %}")
    defer { withExtendedLifetime(folder) {} }
    let ends = try UserTurnFrame(format, system: nil).ends(bench.reader.model.tokenizer)
    #expect(ends.tokens.isEmpty)
    #expect(ends.texts == ["[/INST]"])
  }

  @Test(arguments: [
    ("{{ 'Hello.' }}", "does not write the user's message as it stands"),
    ("{{ messages[0]['content'] }}", "writes nothing before the user's message"),
  ])
  func `a template that a message cannot be sampled from is told`(
    template: String, problem: String
  ) throws {
    let (folder, format) = try format(template)
    defer { withExtendedLifetime(folder) {} }
    let error = #expect(throws: SynthesisError.self) { try UserTurnFrame(format, system: nil) }
    #expect(
      error?.description
        == "\(folder.path): chat template: \(problem); what users ask cannot be sampled from this model"
    )
  }

  @Test func `a local model goes on with its own template`() async throws {
    let teacher = bench.reader
    let calls = (0..<3).map { seed in
      TeacherCall(.userTurn(system: nil), maximumTokens: 6, temperature: 1, seed: UInt64(seed))
    }
    var answers: [Int: TeacherAnswer] = [:]
    try await teacher.answer(calls) { for (index, answer) in $0 { answers[index] = answer } }
    #expect(answers.count == 3)
    for answer in answers.values {
      #expect(answer.promptTokens == teacher.tokenCount(of: "<|im_start|>user\n"))
      #expect(teacher.specialToken(in: answer.text) == nil)
    }
    let keys = try calls.map { try teacher.key(of: $0) }
    #expect(Set(keys).count == 3)
    let told = TeacherCall(.userTurn(system: "Be brief."), maximumTokens: 6, temperature: 1)
    #expect(try !keys.contains(teacher.key(of: told)))
  }
}
