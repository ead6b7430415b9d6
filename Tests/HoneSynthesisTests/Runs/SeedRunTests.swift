import Foundation
import HoneFormats
import Testing

@testable import HoneSynthesis

/// Whole runs that read no documents.
@Suite struct SeedRunTests {
  private let bench: SeedBench

  init() throws { bench = try SeedBench() }

  /// Writes tasks of words drawn by the call's seed, and an empty answer to one call in four.
  private func teacher() -> RuledTeacher {
    RuledTeacher { call in
      if !call.asksForAnswer {
        return .said("Tell of ship \(call.seed % 9973) at berth \(call.seed % 9967).")
      }
      return .said(call.seed % 4 == 0 ? "" : "Ship \(call.seed % 9949) is late.")
    }
  }

  private func files(of run: SynthesisRun) throws -> [String] {
    try [run.folder.accepted, run.folder.rejected].map {
      try String(contentsOfFile: $0, encoding: .utf8)
    }
  }

  @Test func `slots without passages have no end and are numbered`() {
    let slots = Array(SlotSequence().prefix(100))
    #expect(slots.map(\.index) == Array(0..<100))
    #expect(slots.allSatisfy { $0.chunk == nil && $0.statement == nil && $0.attempt == 0 })
  }

  @Test(arguments: ["instructions", "style", "self-replay"])
  func `the files do not depend on how many candidates are made at once`(pipeline: String)
    async throws
  {
    var all: [[String]] = []
    for size in [1, 4, 32] {
      let run = try SynthesisRun(
        bench.options(pipeline, output: "out\(size)"), teacher: teacher(), reader: bench.reader,
        batchSize: size)
      let result = try await run.run()
      #expect(result.funnel.accepted > 0)
      #expect(result.funnel.accepted == 4 || result.funnel.candidates == 9)
      all.append(try files(of: run))
    }
    #expect(all[1] == all[0])
    #expect(all[2] == all[0])
  }

  @Test func `a budget ends a run that accepts nothing`() async throws {
    let run = try SynthesisRun(
      bench.options("self-replay"), teacher: RuledTeacher { _ in .said("") },
      reader: bench.reader)
    let result = try await run.run()
    #expect(result.funnel.candidates == 9)
    let error = #expect(throws: SynthesisError.self) { try run.check(result) }
    #expect(error?.description.contains("form rejected 9: the request is empty") == true)
    #expect(error?.description.hasSuffix("a larger teacher may help") == true)
  }

  @Test func `ifd judges by its own line where there are no controls`() async throws {
    let run = try SynthesisRun(
      bench.options("instructions", likelihood: "ifd"), teacher: teacher(), reader: bench.reader)
    let result = try await run.run()
    #expect(result.calibration == nil)
    let records = try [run.folder.accepted, run.folder.rejected].flatMap {
      try SynthesisRecord.read($0)
    }
    let measured = records.filter { $0.scores["ifd"] != nil }
    #expect(!measured.isEmpty)
    for record in measured {
      let verdict = try #require(record.verdicts.first { $0.filter == "ifd" })
      #expect(verdict.threshold == 0)
      let value = try #require(verdict.value)
      #expect(verdict.passes == (value >= 0))
    }
    // Everything that was accepted was measured.
    #expect(records.filter(\.isAccepted).allSatisfy { $0.scores["ifd"] != nil })
  }

  @Test func `report and card speak of examples and of no passage`() async throws {
    let run = try SynthesisRun(
      bench.options("instructions"), teacher: teacher(), reader: bench.reader)
    _ = try await run.run()
    let page = try String(contentsOfFile: run.folder.report, encoding: .utf8)
    #expect(page.contains("data made after examples"))
    #expect(page.contains("tasks.jsonl"))
    #expect(!page.contains("passages"))
    let card = try String(contentsOfFile: run.folder.card, encoding: .utf8)
    #expect(card.contains("after example tasks. Requests and answers were written by ruled."))
    #expect(!card.contains("document"))
  }

  @Test func `a preview shows what the teacher reads and counts no passages`() async throws {
    let run = try SynthesisRun(
      bench.options("instructions", likelihood: "ifd"), teacher: teacher(), reader: bench.reader)
    let preview = try await run.preview()
    #expect(preview.prompt.hasSuffix("Task 4:"))
    #expect(preview.samples.count == 3)
    #expect(!preview.forecast.contains("passages"))
    #expect(!FileManager.default.fileExists(atPath: run.folder.path))
  }

  @Test func `changed examples are another run`() async throws {
    let run = try SynthesisRun(
      bench.options("instructions"), teacher: teacher(), reader: bench.reader)
    _ = try await run.run()
    let path = "\(bench.folder.path)/tasks.jsonl"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try bench.folder.write(
      Array(text.replacing("linden", with: "{lime}").utf8), to: "tasks.jsonl")
    let error = await #expect(throws: SynthesisError.self) { _ = try await run.run() }
    #expect(error?.description.contains("holds a run of other settings:\n  documents: ") == true)
  }

  @Test(arguments: ["instructions", "style"])
  func `fewer than three examples are too few`(pipeline: String) async throws {
    try bench.folder.write(
      Array("{\"prompt\": \"Who?\", \"completion\": \"Ada.\"}\n".utf8), to: "tasks.jsonl")
    let run = try SynthesisRun(
      bench.options(pipeline), teacher: teacher(), reader: bench.reader)
    let error = await #expect(throws: SynthesisError.self) { _ = try await run.run() }
    #expect(
      error?.description
        == "examples: \(bench.folder.path)/tasks.jsonl: 1 example task where \(pipeline) needs at "
        + "least 3; add some that differ from one another")
    #expect(!FileManager.default.fileExists(atPath: run.folder.path))
  }

  @Test func `examples that do not fit the teacher are told before anything is asked`()
    async throws
  {
    let teacher = RuledTeacher(contextLength: 400) { _ in .said("") }
    let run = try SynthesisRun(
      bench.options("style"), teacher: teacher, reader: bench.reader)
    let error = await #expect(throws: SynthesisError.self) { _ = try await run.run() }
    #expect(error?.description.contains("do not fit the 400 tokens that ruled reads") == true)
    #expect(teacher.asked.isEmpty)
  }

  @Test func `a teacher's refusal of a prompt ends the run`() async throws {
    let teacher = RuledTeacher { _ in throw SynthesisError("ruled", problem: "has no template") }
    let run = try SynthesisRun(
      bench.options("self-replay"), teacher: teacher, reader: bench.reader)
    let error = await #expect(throws: SynthesisError.self) { _ = try await run.run() }
    #expect(error?.description == "ruled: has no template")
  }
}
