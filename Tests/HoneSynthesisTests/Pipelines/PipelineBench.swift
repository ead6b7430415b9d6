import Foundation
import HoneFormats

@testable import HoneSynthesis

/// A workshop with a teacher by rule.
struct PipelineBench {
  let folder: Folder
  let options: SynthesisOptions
  let teacher: RuledTeacher
  let workshop: Workshop

  init(
    _ pipeline: String, schema: String? = nil, maximumTokens: Int = 64,
    prompting: String = "completion", samplers: [Sampler: [String]] = [:],
    neighbours: [Chunk] = [], rule: @escaping (TeacherCall) -> TeacherAnswer
  ) throws {
    folder = try Folder()
    var top: [(String, JSONValue)] = [("pipeline", .string(pipeline))]
    if let schema {
      let path = try folder.write(Array(schema.utf8), to: "schema.json")
      top.append(("schema", .string(path)))
    }
    var options = try SynthesisOptions(
      top: SettingValues(SynthesisSettings.top, given: JSONObject(top), of: "recipe"),
      sections: [
        "teacher": SettingValues(
          SynthesisSettings.teacher,
          given: JSONObject([
            ("max_tokens", .integer(maximumTokens)), ("prompting", .string(prompting)),
          ]), of: "teacher")
      ], output: "\(folder.path)/out")
    options.samplers = samplers
    self.options = options
    teacher = RuledTeacher(rule)
    workshop = Workshop(
      teacher: teacher, reader: try .tiny(),
      ledger: CallLedger(try CallStore(path: "\(folder.path)/calls.sqlite")), options: options,
      // The folder lives as long as what works in it.
      neighbours: { [folder] _ in withExtendedLifetime(folder) { neighbours } })
  }
}

extension Slot {
  /// The slot of a chunk's statement.
  static func sample(_ chunk: Chunk, statement: Int = 0, attempt: Int = 0, index: Int = 0) -> Slot {
    let all = StatementSelection.statements(of: chunk)
    return Slot(
      chunk: chunk, statement: all.indices.contains(statement) ? all[statement] : nil,
      attempt: attempt, index: index)
  }
}
