import Foundation
import HoneFormats
import Testing

@testable import HoneSynthesis

/// What pipelines without documents are tried with: a folder with example tasks, and a tiny reader.
struct SeedBench {
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
    reader = try .tiny()
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
