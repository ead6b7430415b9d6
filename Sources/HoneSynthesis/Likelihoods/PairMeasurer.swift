import Foundation

/// Measures pairs of questions and answers with a model that says how likely texts are.
///
/// Everything that is asked of one passage stands together, so that it is read once.
package struct PairMeasurer {
  /// What stands before a question without a passage; a text must begin with something.
  static let nothing = "Questions and their answers.\n\n"

  private let reader: LocalTeacher
  private let ledger: CallLedger

  /// - Parameter reader: the model that measures.
  package init(_ reader: LocalTeacher, ledger: CallLedger) {
    self.reader = reader
    self.ledger = ledger
  }

  /// The pair's passage as every measurement reads it; a pair without one is only measured by what
  /// needs none.
  private static func beginning(of pair: QuestionPair) -> String {
    pair.chunk.map { beginning(of: $0) } ?? nothing
  }

  /// The passage as every measurement reads it.
  package static func beginning(of chunk: Chunk) -> String { "Passage:\n\(chunk.passage)\n\n" }

  /// The most tokens that measuring adds to a passage, for a question and an answer of the given
  /// lengths: the question about them, and the model's own answer.
  package static let roomBesidePassage = 64

  /// Measures pairs, in their order.
  ///
  /// - Throws: `CancellationError` when the run was interrupted.
  package func measure(
    _ pairs: [QuestionPair], _ measures: Set<Measure>
  ) async throws -> [Measurements] {
    var calls: [ScoreCall] = []
    var takers: [(inout Measurements, [TokenScoreList]) -> Void] = []
    var owners: [Int] = []
    func ask(
      _ owner: Int, _ call: ScoreCall,
      _ take: @escaping (inout Measurements, [TokenScoreList]) -> Void
    ) {
      calls.append(call)
      takers.append(take)
      owners.append(owner)
    }
    for (index, pair) in pairs.enumerated() {
      let question = ScoreCall.Part(" \(pair.question)", isScored: true)
      let answer = ScoreCall.Part(" \(pair.answer)", isScored: true)
      let both = [.init("Question:"), question, .init("\nAnswer:"), answer]
      let beginning = Self.beginning(of: pair)
      if measures.contains(.source) {
        ask(index, ScoreCall(beginning, both)) {
          $0.sourceQuestion = $1[0]
          $0.sourceAnswer = $1[1]
        }
      }
      if measures.contains(.passageAlone) {
        ask(index, ScoreCall(beginning, [.init("Answer:"), answer])) { $0.passageAlone = $1[0] }
      }
      if measures.contains(.neighbours) {
        for neighbour in pair.neighbours {
          ask(index, ScoreCall(Self.beginning(of: neighbour), both)) {
            $0.neighbourMeans.append(Measurements.mean($1[0], $1[1]) ?? 0)
          }
        }
      }
      if measures.contains(.closedBook) {
        let given = ScoreCall.Part("Question: \(pair.question)\nAnswer:")
        ask(index, ScoreCall(Self.nothing, [given, answer])) { $0.closedBook = $1[0] }
      }
      if measures.contains(.answerAlone) {
        ask(index, ScoreCall(Self.nothing, [.init("Answer:"), answer])) { $0.answerAlone = $1[0] }
      }
      if measures.contains(.yesOrNo) {
        for (sign, question, answer) in [
          (1.0, pair.question, pair.answer), (-1.0, "N/A", "N/A"),
        ] {
          for (word, direction) in [("Yes", 1.0), ("No", -1.0)] {
            let given = ScoreCall.Part(
              "Question: \(question)\nProposed answer: \(answer)\n"
                + "Does the passage say so? Yes or No:")
            let call = ScoreCall(beginning, [given, .init(" \(word)", isScored: true)])
            ask(index, call) { $0.yes = ($0.yes ?? 0) + sign * direction * $1[0].sum }
          }
        }
      }
    }
    var results = Array(repeating: Measurements(), count: pairs.count)
    // In the order of the calls, so that sums do not depend on which came first.
    for (position, lists) in try ledger.scores(by: reader, of: calls).enumerated() {
      takers[position](&results[owners[position]], lists)
    }
    if measures.contains(.roundTrip) {
      let answers = try await ledger.answers(of: reader, to: pairs.map(Self.roundTrip))
      for (index, answer) in answers.enumerated() {
        results[index].ownAnswer = answer.text.trimmingCharacters(in: .whitespacesAndNewlines)
      }
    }
    return results
  }

  /// The call that answers a pair's question from its passage.
  package static func roundTrip(_ pair: QuestionPair) -> TeacherCall {
    TeacherCall(
      .completion(
        beginning: beginning(of: pair), rest: "Question: \(pair.question)\nAnswer:"),
      maximumTokens: 48, stops: ["\n"])
  }
}
