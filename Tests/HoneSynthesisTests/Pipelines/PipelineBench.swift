import Foundation
import HoneFormats
import HoneModels
import HoneTensors

@testable import HoneSynthesis

/// Answers each call by a rule.
final class RuleTeacher: Teacher {
  let identity = Provenance.Teacher(name: "rule", checksum: "1")
  let contextLength: Int? = nil
  let isReproducible = true
  private let rule: (TeacherCall) -> TeacherAnswer
  private(set) var calls: [TeacherCall] = []

  init(_ rule: @escaping (TeacherCall) -> TeacherAnswer) { self.rule = rule }

  func key(of call: TeacherCall) throws -> CallKey {
    CallKey([("text", Array(call.text.utf8)), ("seed", Array(String(call.seed).utf8))])
  }

  func answer(
    _ calls: [TeacherCall], answered: ([(index: Int, answer: TeacherAnswer)]) throws -> Void
  ) async throws {
    for (index, call) in calls.enumerated() {
      self.calls.append(call)
      try answered([(index, rule(call))])
    }
  }
}

extension TeacherAnswer {
  static func said(_ text: String, isFinished: Bool = true) -> TeacherAnswer {
    TeacherAnswer(text: text, isFinished: isFinished, promptTokens: 1, answerTokens: 1)
  }
}

/// A workshop with a teacher by rule and a reader of the smallest model, whose context is short:
/// 256 tokens, about a letter each.
struct PipelineBench {
  let folder: Folder
  let options: SynthesisOptions
  let teacher: RuleTeacher
  let workshop: Workshop

  init(
    _ pipeline: String, schema: String? = nil, maximumTokens: Int = 64, neighbours: [Chunk] = [],
    rule: @escaping (TeacherCall) -> TeacherAnswer
  ) throws {
    folder = try Folder()
    var top: [(String, JSONValue)] = [("pipeline", .string(pipeline))]
    if let schema {
      let path = try folder.write(Array(schema.utf8), to: "schema.json")
      top.append(("schema", .string(path)))
    }
    options = try SynthesisOptions(
      top: SettingValues(SynthesisSettings.top, given: JSONObject(top), of: "recipe"),
      sections: [
        "teacher": SettingValues(
          SynthesisSettings.teacher,
          given: JSONObject([("max_tokens", .integer(maximumTokens))]), of: "teacher")
      ], output: "\(folder.path)/out")
    teacher = RuleTeacher(rule)
    workshop = Workshop(
      teacher: teacher, reader: try Self.reader(),
      ledger: CallLedger(try CallStore(path: "\(folder.path)/calls.sqlite")), options: options,
      // The folder lives as long as what works in it.
      neighbours: { [folder] _ in withExtendedLifetime(folder) { neighbours } })
  }

  static func reader() throws -> LocalTeacher {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    let engine = Engine(threads: 1)
    let model = try LanguageModel(
      LocalModel(path: "\(url.path)/HoneModelsTests/Fixtures/tiny-llama-tied", layout: .folder),
      engine: engine)
    return LocalTeacher(model, name: "tiny", checksum: "2", engine: engine)
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
