import Foundation
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneSynthesis

/// A teacher that answers by a rule.
final class RuledTeacher: Teacher {
  let identity = Provenance.Teacher(name: "ruled", checksum: "1")
  let contextLength: Int?
  let isReproducible = true
  private let rule: (TeacherCall) throws -> (text: String, isFinished: Bool)
  private(set) var asked: [TeacherCall] = []

  init(
    contextLength: Int? = nil,
    _ rule: @escaping (TeacherCall) throws -> (text: String, isFinished: Bool)
  ) {
    self.contextLength = contextLength
    self.rule = rule
  }

  func key(of call: TeacherCall) throws -> CallKey {
    CallKey([("text", Array(call.text.utf8)), ("seed", Array(String(call.seed).utf8))])
  }

  func answer(
    _ calls: [TeacherCall],
    answered report: ([(index: Int, answer: TeacherAnswer)]) throws -> Void
  ) async throws {
    for (index, call) in calls.enumerated() {
      asked.append(call)
      let (text, isFinished) = try rule(call)
      try report([
        (
          index,
          TeacherAnswer(text: text, isFinished: isFinished, promptTokens: 1, answerTokens: 1)
        )
      ])
    }
  }
}

/// What pipelines without documents are tried with: a folder with example tasks, and a tiny reader.
struct Bench {
  let folder: Folder
  let reader: LocalTeacher

  static let tasks = [
    SeedTask(instruction: "Name the tallest tree of the park.", output: "It is the old linden."),
    SeedTask(
      instruction: "Turn the sentence into the past.", input: "The boat sails.",
      output: "The boat sailed."),
    SeedTask(
      instruction: "Why do bees dance on the comb?", output: "They tell where flowers are.",
      system: "Be brief."),
    SeedTask(instruction: "List two uses of an oar.", output: "It rows and it steers."),
  ]

  init() throws {
    let lines = Self.tasks.map { task in
      let members: [(String, JSONValue)] = [
        ("instruction", .string(task.instruction)), ("input", .string(task.input)),
        ("output", .string(task.output)),
      ]
      return JSONValue.object(JSONObject(members)).text(.spaced)
    }
    folder = try Folder(["tasks.jsonl": lines.joined(separator: "\n") + "\n"])
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    let engine = Engine(threads: 1)
    let model = try LanguageModel(
      LocalModel(path: "\(url.path)/HoneModelsTests/Fixtures/tiny-llama-tied", layout: .folder),
      engine: engine)
    reader = LocalTeacher(model, name: "tiny", checksum: "2", engine: engine)
  }

  func options(
    _ pipeline: String, output: String = "out", prompting: String = "completion", seed: Int = 7,
    likelihood: String = "none", accepted: Int = 4, budget: Int = 9
  ) throws -> SynthesisOptions {
    func values(_ section: String, _ given: [(String, JSONValue)]) throws -> SettingValues {
      let settings = try #require(
        SynthesisSettings.sections.first { $0.name == section }?.settings)
      return try SettingValues(settings, given: JSONObject(given), of: section)
    }
    let top = try SettingValues(
      SynthesisSettings.top,
      given: JSONObject([
        ("pipeline", .string(pipeline)), ("examples", .string("\(folder.path)/tasks.jsonl")),
        ("seed", .integer(seed)),
      ]), of: "recipe")
    return try SynthesisOptions(
      top: top,
      sections: [
        "teacher": try values("teacher", [("prompting", .string(prompting))]),
        "filters": try values("filters", [("likelihood", .string(likelihood))]),
        "target": try values(
          "target", [("accepted", .integer(accepted)), ("budget", .integer(budget))]),
      ], output: "\(folder.path)/\(output)")
  }

  func workshop(_ options: SynthesisOptions, _ teacher: RuledTeacher) throws -> Workshop {
    Workshop(
      teacher: teacher, reader: reader,
      ledger: CallLedger(try CallStore(path: "\(folder.path)/\(UUID().uuidString).sqlite")),
      options: options, examples: Self.tasks, neighbours: { _ in [] })
  }

  /// What a pipeline makes of slots.
  func records(
    of options: SynthesisOptions, at slots: [Slot], by teacher: RuledTeacher
  ) async throws -> [SynthesisRecord] {
    let kind = try #require(SynthesisPipelines.named(options.pipeline))
    return try await kind.init(options).make(slots, workshop(options, teacher))
  }
}

extension TeacherCall {
  /// Whether a task is to be answered, and not to be written.
  var asksForAnswer: Bool {
    switch prompt {
    case .completion(_, let rest): rest.hasSuffix("\nOutput:")
    case .chat(let turns): !(turns.last?.content.contains("not its answer") ?? false)
    case .userTurn: false
    }
  }
}
