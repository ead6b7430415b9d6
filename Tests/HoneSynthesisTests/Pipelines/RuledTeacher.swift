@testable import HoneSynthesis

/// A teacher that answers by a rule.
final class RuledTeacher: Teacher {
  let identity = Provenance.Teacher(name: "ruled", checksum: "1")
  let contextLength: Int?
  let isReproducible = true
  private let rule: (TeacherCall) throws -> TeacherAnswer
  private(set) var asked: [TeacherCall] = []

  init(
    contextLength: Int? = nil, _ rule: @escaping (TeacherCall) throws -> TeacherAnswer
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
      try report([(index, try rule(call))])
    }
  }
}

extension TeacherAnswer {
  static func said(_ text: String, isFinished: Bool = true) -> TeacherAnswer {
    TeacherAnswer(text: text, isFinished: isFinished, promptTokens: 1, answerTokens: 1)
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
