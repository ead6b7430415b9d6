import Foundation
import HoneFormats
import Testing

@testable import HoneSynthesis

/// Runs with a teacher that writes by rule: what they show is the run's own doing.
@Suite struct SynthesisRunTests {
  /// Writes a question of words drawn by the call's seed, and no question to one call in four.
  private final class ScriptedTeacher: Teacher {
    let identity = Provenance.Teacher(name: "scripted", checksum: "1")
    let contextLength: Int? = nil
    let isReproducible: Bool
    /// After how many answers it is interrupted.
    private let limit: Int
    private let asksNothing: Bool
    private(set) var answered: [TeacherCall] = []

    init(limit: Int = .max, asksNothing: Bool = false, isReproducible: Bool = true) {
      self.isReproducible = isReproducible
      self.limit = limit
      self.asksNothing = asksNothing
    }

    func key(of call: TeacherCall) throws -> CallKey {
      CallKey([("text", Array(call.text.utf8)), ("seed", Array(String(call.seed).utf8))])
    }

    func answer(
      _ calls: [TeacherCall],
      answered report: ([(index: Int, answer: TeacherAnswer)]) throws -> Void
    ) async throws {
      for (index, call) in calls.enumerated() {
        guard answered.count < limit else { throw CancellationError() }
        answered.append(call)
        let mark = asksNothing || call.seed % 4 == 0 ? "." : "?"
        let answer = TeacherAnswer(
          text: " is ship \(call.seed % 9973) of berth \(call.seed % 9967)\(mark)",
          isFinished: true, promptTokens: 1, answerTokens: 1)
        try report([(index, answer)])
      }
    }
  }

  private let reader: LocalTeacher

  init() throws { reader = try .tiny() }

  private func harbour() throws -> Folder {
    try Folder([
      "docs/boats.txt": """
      The ferry Aster leaves the old harbour at dawn.

      Bicycles {and {{prams}}} travel free on the {lower} deck.

      Hulls are scraped in the dock beside the shop.

      Engines are lifted by the crane on the pier.

      Dogs need a ticket of their own on weekdays.
      """
    ])
  }

  private func run(
    in folder: Folder, output: String = "out", teacher: ScriptedTeacher, batchSize: Int = 32,
    accepted: Int = 6, budget: Int = 12, url: JSONValue = .null, paraphrases: JSONValue = .null
  ) throws -> SynthesisRun {
    func values(_ section: String, _ given: [(String, JSONValue)]) throws -> SettingValues {
      let settings = try #require(
        SynthesisSettings.sections.first { $0.name == section }?.settings)
      return try SettingValues(settings, given: JSONObject(given), of: section)
    }
    let top = try SettingValues(
      SynthesisSettings.top,
      given: JSONObject([
        ("pipeline", .string("domain-qa")),
        ("documents", .array([.string("\(folder.path)/docs")])),
      ]), of: "recipe")
    let options = try SynthesisOptions(
      top: top,
      sections: [
        "teacher": try values("teacher", [("max_tokens", .integer(8)), ("url", url)]),
        "chunks": try values("chunks", [("tokens", .integer(64)), ("overlap", .integer(0))]),
        "filters": try values(
          "filters", [("hard", .string("none")), ("likelihood", .string("none"))]),
        "duplicates": try values("duplicates", [("paraphrases", paraphrases)]),
        "target": try values(
          "target", [("accepted", .integer(accepted)), ("budget", .integer(budget))]),
      ], output: "\(folder.path)/\(output)")
    return try SynthesisRun(
      options, teacher: teacher, reader: reader, batchSize: batchSize)
  }

  private func files(of run: SynthesisRun) throws -> [String] {
    try [run.folder.accepted, run.folder.rejected].map {
      try String(contentsOfFile: $0, encoding: .utf8)
    }
  }

  @Test func `the files do not depend on how many candidates are made at once`() async throws {
    let folder = try harbour()
    defer { withExtendedLifetime(folder) {} }
    var all: [[String]] = []
    for size in [1, 3, 32] {
      let run = try run(
        in: folder, output: "out\(size)", teacher: ScriptedTeacher(), batchSize: size)
      let result = try await run.run()
      #expect(result.funnel.accepted > 0)
      all.append(try files(of: run))
    }
    #expect(all[1] == all[0])
    #expect(all[2] == all[0])
  }

  @Test(arguments: [1, 4, 7])
  func `a run that was interrupted goes on to the same files and asks nothing twice`(calls: Int)
    async throws
  {
    let folder = try harbour()
    defer { withExtendedLifetime(folder) {} }
    let straight = ScriptedTeacher()
    let whole = try run(in: folder, output: "whole", teacher: straight, batchSize: 3)
    _ = try await whole.run()

    let first = ScriptedTeacher(limit: calls)
    let stopped = try await run(in: folder, teacher: first, batchSize: 3).run()
    #expect(stopped.isInterrupted)
    let second = ScriptedTeacher()
    let resumed = try run(in: folder, teacher: second, batchSize: 3)
    let result = try await resumed.run()
    #expect(!result.isInterrupted)
    #expect(try files(of: resumed) == files(of: whole))
    #expect(first.answered.count == calls)
    #expect(second.answered.count == straight.answered.count - calls)
  }

  @Test func `telling paraphrases gives the same files at any batch and after interruptions`()
    async throws
  {
    let things = [
      "anchor", "barge", "compass", "dinghy", "engine", "gaff", "hull", "ladder", "oar",
    ]
    let places = ["loft", "shed", "cellar", "yard", "tower"]
    let sentences = (0..<20).map { number in
      "The \(places[number % 5]) holds \(things[number % 9]) \(300 + number) of the old fleet."
    }
    let folder = try Folder(["docs/fleet.txt": sentences.joined(separator: "\n\n")])
    defer { withExtendedLifetime(folder) {} }
    func run(_ output: String, _ teacher: ScriptedTeacher, batchSize: Int) throws -> SynthesisRun {
      try self.run(
        in: folder, output: output, teacher: teacher, batchSize: batchSize, budget: 20,
        paraphrases: .number(0.25))
    }
    func everything(of run: SynthesisRun) throws -> [String] {
      try files(of: run) + [try String(contentsOfFile: run.folder.calibration, encoding: .utf8)]
    }
    let straight = ScriptedTeacher()
    let whole = try run("whole", straight, batchSize: 3)
    let result = try await whole.run()
    let finding = try #require(result.calibration?["paraphrase"])
    #expect(finding.trueValues.count >= Calibration.fewestControls)
    #expect(result.calls.scores.made > 0)
    #expect(whole.options.digestText.contains("paraphrases 0.25"))
    let expected = try everything(of: whole)
    let all = try run("all", ScriptedTeacher(), batchSize: 32)
    _ = try await all.run()
    #expect(try everything(of: all) == expected)
    for calls in [3, straight.answered.count - 1] {
      let stopped = ScriptedTeacher(limit: calls)
      let first = try await run("stopped\(calls)", stopped, batchSize: 3).run()
      #expect(first.isInterrupted)
      let resumed = try run("stopped\(calls)", ScriptedTeacher(), batchSize: 3)
      _ = try await resumed.run()
      #expect(try everything(of: resumed) == expected)
    }
    let off = try self.run(in: folder, teacher: ScriptedTeacher())
    #expect(!off.options.digestText.contains("paraphrases"))
  }

  @Test func `a damaged store of calls ends the run with what to do`() async throws {
    let folder = try harbour()
    defer { withExtendedLifetime(folder) {} }
    try folder.write(Array(String(repeating: "no store ", count: 200).utf8), to: "out/calls.sqlite")
    let teacher = ScriptedTeacher()
    let run = try run(in: folder, teacher: teacher)
    let error = await #expect(throws: FormatError.self) { _ = try await run.run() }
    #expect(
      error?.description
        == "\(run.folder.calls): is no store of calls; remove it; its calls are then made again")
    #expect(teacher.answered.isEmpty)
  }

  @Test func `a run that accepts nothing says which check rejected what`() async throws {
    let folder = try harbour()
    defer { withExtendedLifetime(folder) {} }
    let run = try run(in: folder, teacher: ScriptedTeacher(asksNothing: true))
    let result = try await run.run()
    #expect(result.funnel.accepted == 0)
    #expect(result.funnel.candidates > 0)
    let error = #expect(throws: SynthesisError.self) { try run.check(result) }
    let text = error?.description ?? ""
    #expect(text.contains("accepted none of \(result.funnel.candidates) candidates"))
    #expect(
      text.contains(
        "form rejected \(result.funnel.candidates): what the teacher wrote is no question"))
    #expect(text.contains(run.folder.rejected))
  }

  @Test func `a folder without documents is refused before anything is written`() async throws {
    let folder = try Folder()
    defer { withExtendedLifetime(folder) {} }
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/docs", withIntermediateDirectories: true)
    let run = try run(in: folder, teacher: ScriptedTeacher())
    let error = await #expect(throws: SynthesisError.self) { _ = try await run.run() }
    #expect(error?.description.contains("there is no document") == true)
    #expect(!FileManager.default.fileExists(atPath: run.folder.path))
  }

  @Test func `passages much like an earlier one are left out, and the report says how many`()
    async throws
  {
    let folder = try harbour()
    defer { withExtendedLifetime(folder) {} }
    let run = try run(in: folder, teacher: ScriptedTeacher())
    let before = try await run.material()
    let boats = try String(contentsOfFile: "\(folder.path)/docs/boats.txt", encoding: .utf8)
    try folder.write(Array((boats + " Indeed.").utf8), to: "docs/copy.txt")
    let after = try await run.material()
    #expect(after.chunks.map(\.id) == before.chunks.map(\.id))
    let copies = before.chunks.filter { $0.document == "boats.txt" }.count
    #expect(copies > 0)
    #expect(
      after.notes.contains(
        "\(copies) \(copies == 1 ? "passage" : "passages") much like an earlier one left out"))
  }

  @Test func `the report shows each passage, loss and example, and escapes what documents say`()
    async throws
  {
    let folder = try harbour()
    defer { withExtendedLifetime(folder) {} }
    try folder.write(
      Array("A sign says <script>alert(1)</script> at the gate of the yard.\n".utf8),
      to: "docs/<sign>.txt")
    let run = try run(in: folder, teacher: ScriptedTeacher(), accepted: 30, budget: 60)
    let result = try await run.run()
    let page = try String(contentsOfFile: run.folder.report, encoding: .utf8)
    let passages = try await run.material().chunks
    #expect(page.components(separatedBy: "<i style=\"--share").count - 1 == passages.count)
    #expect(!page.contains("<script>"))
    #expect(page.contains("&lt;sign&gt;.txt"))
    for loss in result.funnel.losses { #expect(page.contains("rejected by \(loss.filter)")) }
    #expect(page.contains("compression ratio of all requests"))
    let card = try String(contentsOfFile: run.folder.card, encoding: .utf8)
    #expect(card.contains("| accepted | \(result.funnel.accepted) |"))
    #expect(card.contains("| candidates | \(result.funnel.candidates) |"))
    #expect(card.contains("| compression ratio of the requests | "))
  }

  @Test func `what goes to an endpoint is told first, and that its answers are only kept`()
    async throws
  {
    let folder = try harbour()
    defer { withExtendedLifetime(folder) {} }
    let run = try run(
      in: folder, teacher: ScriptedTeacher(isReproducible: false),
      url: .string("http://localhost:1/v1"))
    var events: [SynthesisEvent] = []
    _ = try await run.run(listener: { events.append($0) })
    let passages = try await run.material().chunks
    guard case .sending("localhost", passages.count, let tokens, 12, let all) = events[1] else {
      Issue.record("\(events[1])")
      return
    }
    #expect(tokens == passages.reduce(0) { $0 + $1.tokenCount })
    #expect(all > 12 * tokens / passages.count)
    let card = try String(contentsOfFile: run.folder.card, encoding: .utf8)
    #expect(card.contains("Replay only: the teacher may answer otherwise"))
    #expect(!card.contains("gives the same bytes"))
  }

  @Test func `braces of a document reach the teacher and the records as they stand`() async throws {
    let teacher = ScriptedTeacher()
    let folder = try harbour()
    defer { withExtendedLifetime(folder) {} }
    let run = try run(in: folder, teacher: teacher, accepted: 30, budget: 60)
    _ = try await run.run()
    let statement = "Bicycles {and {{prams}}} travel free on the {lower} deck."
    #expect(teacher.answered.contains { $0.text.contains("Statement: \(statement)\n") })
    #expect(try files(of: run).joined().contains(statement))
  }
}
