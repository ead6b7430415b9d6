import Foundation
import HoneFormats
import Testing

@testable import HoneSynthesis

@Suite struct SamplerTests {
  private let seeds: SeedBench

  init() throws { seeds = try SeedBench() }

  // MARK: Dealing

  private func drawn(
    _ values: [String], at slots: Range<Int>, seed: UInt64 = 7, for purpose: String = "tone"
  ) -> [String] {
    slots.compactMap {
      SlotDraw(Slot(attempt: 0, index: $0), seed: seed).dealt(of: values, for: purpose)
    }
  }

  @Test(arguments: [1, 2, 5])
  func `no value is drawn again before all were`(count: Int) throws {
    let values = (0..<count).map { "value \($0)" }
    let drawn = drawn(values, at: 0..<60)
    try #require(drawn.count == 60)
    let decks = stride(from: 0, to: 60, by: count).map { Array(drawn[$0..<$0 + count]) }
    for deck in decks { #expect(deck.sorted() == values) }
    // Each deck is shuffled anew.
    #expect(count == 1 || Set(decks).count > 1)
  }

  @Test func `a draw depends on the seed, the sampler and the slot's number alone`() {
    let values = (0..<9).map { "value \($0)" }
    let all = drawn(values, at: 0..<27)
    #expect(drawn(values, at: 13..<27) == Array(all[13...]))
    #expect(drawn(values, at: 0..<27, seed: 8) != all)
    #expect(drawn(values, at: 0..<27, for: "persona") != all)
  }

  @Test func `values that cannot be dealt are told`() {
    #expect(Sampler.fault(in: ["a", "b"]) == nil)
    #expect(Sampler.fault(in: []) == "is an empty list, expected at least one value")
    #expect(
      Sampler.fault(in: ["a", "b", "a"]) == "has \"a\" twice, expected different values")
    #expect(Sampler.fault(in: ["a", " "]) == "has \" \", expected words on one line")
    #expect(Sampler.fault(in: ["a\nb"])?.hasSuffix("expected words on one line") == true)
  }

  // MARK: What teachers read

  private static let statement = "The ferry Aster leaves the old harbour at dawn."

  private func asked(
    prompting: String, _ samplers: [Sampler: [String]]
  ) async throws -> (call: TeacherCall, attributes: [String: String]) {
    let bench = try PipelineBench("domain-qa", prompting: prompting, samplers: samplers) { _ in
      .said(" leaves the harbour first?")
    }
    let records = try await DomainQA(bench.options)
      .make([.sample(.sample(Self.statement))], bench.workshop)
    let record = try #require(records.first)
    let call = try #require(bench.teacher.asked.first)
    return (call, record.attributes)
  }

  @Test func `a teacher in a conversation reads what is drawn, and without samplers what it did`()
    async throws
  {
    let beginning = """
      \(Self.statement)

      Statement: \(Self.statement)

      Write one question about this statement whose answer is "Aster". Name what it is about, so that \
      it can be understood without the text above. Begin it with "Who".
      """
    let plain = try await asked(prompting: "chat", [:])
    let request = "\(beginning) Write the question only."
    #expect(plain.call.prompt == .chat([Turn(.user, request)]))
    #expect(plain.attributes == ["opening": "Who", "asked_for": "Aster"])

    let drawn = try await asked(
      prompting: "chat", [.length: ["short"], .persona: ["a {new} pilot"]])
    let longer = """
      \(beginning)

      Let it fit this:
      Asked by: a {new} pilot
      Length: short

      Write the question only.
      """
    #expect(drawn.call.prompt == .chat([Turn(.user, longer)]))
    #expect(drawn.call.seed == plain.call.seed)
    #expect(
      drawn.attributes == [
        "opening": "Who", "asked_for": "Aster", "persona": "a {new} pilot", "length": "short",
      ])
  }

  private static let endings: [([Sampler: [String]], String)] = [
    ([:], "Question: Who"),
    ([.tone: ["warm"]], "Tone: warm\nQuestion: Who"),
    // How it begins is the teacher's then.
    ([.questionType: ["why"]], "Kind: why\nQuestion:"),
    ([.language: ["Dutch"], .tone: ["warm"]], "Tone: warm\nLanguage: Dutch\nQuestion:"),
  ]

  @Test(arguments: endings)
  func `a text to go on with has a line for each value`(
    samplers: [Sampler: [String]], ending: String
  ) async throws {
    let call = try await asked(prompting: "completion", samplers).call
    #expect(call.text.hasSuffix("\n\nStatement: \(Self.statement)\nAsked for: Aster\n\(ending)"))
  }

  @Test func `a question is not about who asks it`() {
    let passage = "Bicycles travel free of charge on the lower deck."
    for (question, persona, speaks) in [
      ("Who is the new member of staff?", "a new member of staff", true),
      ("What does an auditor pay?", "an auditor", true),
      ("Where do bicycles travel?", "a passenger with a bicycle", false),
      ("Which deck is for bicycles?", "owners of bicycles", false),
      ("How does a new bicycle travel?", "a new member of staff", false),
    ] {
      #expect(
        QuestionWriting.speaks(question, of: persona, beside: passage) == speaks, "\(question)")
    }
  }

  @Test func `each question of a conversation is asked for as drawn`() async throws {
    let chunk = Chunk.sample(
      "\(Self.statement) Bicycles travel free on the lower deck. Dogs need a ticket of their own.")
    var questions = [" sails ships today?", " do cyclists pay for that?", " must be had for pets?"]
    let bench = try PipelineBench("conversations", samplers: [.tone: ["warm", "curt"]]) { _ in
      .said(questions.removeFirst())
    }
    let records = try await Conversations(bench.options)
      .make([.sample(chunk, index: 1)], bench.workshop)
    let tone = try #require(records.first?.attributes["tone"])
    #expect(bench.teacher.asked.count == 3)
    for call in bench.teacher.asked {
      #expect(call.text.ranges(of: "\nTone: ").count == 1)
      #expect(call.text.contains("\nTone: \(tone)\nQuestion:"))
    }
  }

  @Test(arguments: ["completion", "chat"])
  func `new and changed tasks are asked for as drawn, their answers are not`(prompting: String)
    async throws
  {
    var options = try seeds.options("instructions", prompting: prompting)
    options.samplers = [.questionType: ["a riddle"], .tone: ["warm"]]
    let teacher = RuledTeacher { call in
      .said(call.asksForAnswer ? "It smells of earth." : "Describe the smell of rain to a child.")
    }
    let records = try await seeds.records(
      of: options, at: (0..<3).map { Slot(attempt: 0, index: $0) }, by: teacher)
    for record in records {
      #expect(record.attributes["question_type"] == "a riddle")
      #expect(record.attributes["tone"] == "warm" && record.attributes["kind"] == nil)
    }
    #expect(teacher.asked.count == 6)
    for call in teacher.asked {
      #expect(call.text.contains("Kind: a riddle\nTone: warm\n") == !call.asksForAnswer)
      #expect(!call.text.contains("Let it ask for"))
    }
  }

  // MARK: Runs

  /// A run of twelve candidates.
  ///
  /// - Parameter calls: after how many the teacher is interrupted.
  private func run(
    output: String, batchSize: Int = 32, stoppingAfter calls: Int = .max
  ) throws -> SynthesisRun {
    var options = try seeds.options("instructions", output: output, accepted: 100, budget: 12)
    options.samplers = [
      .tone: ["plain", "<curt>", "warm | kind"],
      .persona: ["a pilot", "a cook", "a clerk", "a child"],
    ]
    var asked = 0
    let teacher = RuledTeacher { call in
      guard asked < calls else { throw CancellationError() }
      asked += 1
      if !call.asksForAnswer {
        return .said("Tell of ship \(call.seed % 9973) at berth \(call.seed % 9967).")
      }
      return .said(call.seed % 4 == 0 ? "" : "Ship \(call.seed % 9949) is late.")
    }
    return try SynthesisRun(
      options, teacher: teacher, reader: seeds.reader, batchSize: batchSize)
  }

  private func files(of run: SynthesisRun) throws -> [String] {
    try [run.folder.accepted, run.folder.rejected].map {
      try String(contentsOfFile: $0, encoding: .utf8)
    }
  }

  @Test func `the same is drawn for any batch size and after an interruption`() async throws {
    let whole = try run(output: "whole")
    let coverage = try await whole.run().funnel.coverage
    let small = try run(output: "small", batchSize: 1)
    let again = try await small.run()
    #expect(again.funnel.coverage == coverage)
    #expect(try files(of: small) == files(of: whole))

    let stopped = try await run(output: "resumed", batchSize: 3, stoppingAfter: 7).run()
    #expect(stopped.isInterrupted)
    let resumed = try run(output: "resumed", batchSize: 5)
    let result = try await resumed.run()
    #expect(result.funnel.coverage == coverage)
    #expect(try files(of: resumed) == files(of: whole))
  }

  @Test func `coverage counts what was drawn and accepted of each value, and is reported`()
    async throws
  {
    let run = try run(output: "out")
    let result = try await run.run()
    let coverage = result.funnel.coverage
    #expect(result.funnel.candidates == 12)
    #expect(
      coverage.map(\.value) == [
        "a pilot", "a cook", "a clerk", "a child", "plain", "<curt>", "warm | kind",
      ])
    #expect(coverage.map(\.drawn) == [3, 3, 3, 3, 4, 4, 4])
    let accepted = try SynthesisRecord.read(run.folder.accepted)
    #expect(!accepted.isEmpty)
    for part in coverage {
      let own = accepted.filter { $0.attributes[part.sampler.rawValue] == part.value }
      #expect(part.accepted == own.count)
    }
    let last = try #require(coverage.last)
    let card = try String(contentsOfFile: run.folder.card, encoding: .utf8)
    #expect(card.contains("\n| `tone` | warm \\| kind | 4 | \(last.accepted) |\n"))
    let page = try String(contentsOfFile: run.folder.report, encoding: .utf8)
    #expect(page.contains("tone: &lt;curt&gt;"))
    #expect(page.contains("\(last.accepted) of 4"))
    let events = try String(contentsOfFile: run.folder.events, encoding: .utf8)
    let ended = try JSONParser.parse(String(events.split(separator: "\n").last ?? ""))
    let told = ended["coverage"]?.array ?? []
    #expect(told.compactMap { $0["drawn"]?.integer } == coverage.map(\.drawn))
    #expect(told.compactMap { $0["accepted"]?.integer } == coverage.map(\.accepted))
  }

  @Test func `a run without samplers says nothing of them`() async throws {
    let options = try seeds.options("instructions")
    #expect(!Sampler.allCases.contains { options.digestText.contains("\($0.rawValue) [") })
    let run = try SynthesisRun(
      options, teacher: RuledTeacher { .said("Tell of ship \($0.seed).") }, reader: seeds.reader)
    _ = try await run.run()
    for path in [run.folder.card, run.folder.report, run.folder.events] {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(!text.contains("drawn"))
    }
  }

  @Test func `values too long for the teacher are told before anything is asked`() async throws {
    var options = try seeds.options("instructions")
    options.samplers = [
      .persona: ["a cook", String(repeating: "a clerk of the port ", count: 200)]
    ]
    let teacher = RuledTeacher(contextLength: 1000) { _ in .said("") }
    let run = try SynthesisRun(options, teacher: teacher, reader: seeds.reader)
    let error = await #expect(throws: SynthesisError.self) { _ = try await run.run() }
    #expect(error?.description.contains("do not fit the 1000 tokens that ruled reads") == true)
    #expect(teacher.asked.isEmpty)
  }
}
