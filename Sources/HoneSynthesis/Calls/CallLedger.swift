import HoneFormats

/// Asks teachers, scorers and embedders through a store, so that no call is made twice, and counts.
package final class CallLedger {
  /// What a run's calls came to.
  package struct Count: Equatable, Sendable {
    /// Calls whose answer was in the store.
    package var known = 0
    /// Calls that were made.
    package var made = 0
    /// Tokens read and written by those that were made.
    package var promptTokens = 0
    package var answerTokens = 0
  }

  private let store: CallStore
  package private(set) var answers = Count()
  package private(set) var scores = Count()

  package init(_ store: CallStore) { self.store = store }

  // MARK: Answers

  /// A teacher's answers to calls, in their order.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for a damaged store, `CancellationError` when the run was
  ///   interrupted: what was answered until then is kept.
  package func answers(of teacher: any Teacher, to calls: [TeacherCall]) async throws
    -> [TeacherAnswer]
  {
    let keys = try calls.map { try teacher.key(of: $0) }
    var found = try store.answers(keys).mapValues { try Self.answer(from: $0) }
    answers.known += keys.count { found[$0] != nil }
    var missing: [Int] = []
    var seen: Set<CallKey> = []
    for (index, key) in keys.enumerated() where found[key] == nil && seen.insert(key).inserted {
      missing.append(index)
    }
    if !missing.isEmpty {
      try await teacher.answer(missing.map { calls[$0] }) { new in
        try store.keep(new.map { (keys[missing[$0.index]], Self.json(of: $0.answer)) })
        for (index, answer) in new {
          found[keys[missing[index]]] = answer
          answers.made += 1
          answers.promptTokens += answer.promptTokens
          answers.answerTokens += answer.answerTokens
        }
      }
    }
    return try keys.map { key in
      guard let answer = found[key] else {
        throw SynthesisError(teacher.identity.name, problem: "left a call without an answer")
      }
      return answer
    }
  }

  private static func json(of answer: TeacherAnswer) -> JSONValue {
    .object(
      JSONObject([
        ("text", .string(answer.text)), ("finished", .bool(answer.isFinished)),
        ("prompt_tokens", .integer(answer.promptTokens)),
        ("answer_tokens", .integer(answer.answerTokens)),
      ]))
  }

  private static func answer(from json: JSONValue) throws -> TeacherAnswer {
    guard let text = json["text"]?.string, let isFinished = json["finished"]?.bool else {
      throw damaged
    }
    return TeacherAnswer(
      text: text, isFinished: isFinished, promptTokens: json["prompt_tokens"]?.integer ?? 0,
      answerTokens: json["answer_tokens"]?.integer ?? 0)
  }

  private static var damaged: SynthesisError {
    SynthesisError(
      "calls.sqlite", problem: "holds an answer of another form",
      advice: "remove it; its calls are then made again")
  }

  // MARK: Scores

  /// A scorer's scores of calls, in their order: a list for each scored part.
  ///
  /// - Throws: as ``answers(of:to:)``.
  package func scores(by scorer: any Scorer, of calls: [ScoreCall]) throws -> [[TokenScoreList]] {
    let keys = try calls.map { try scorer.key(of: $0) }
    var found = try store.answers(keys).mapValues { try Self.scores(from: $0) }
    scores.known += keys.count { found[$0] != nil }
    var missing: [Int] = []
    var seen: Set<CallKey> = []
    for (index, key) in keys.enumerated() where found[key] == nil && seen.insert(key).inserted {
      missing.append(index)
    }
    if !missing.isEmpty {
      try scorer.score(missing.map { calls[$0] }) { new in
        try store.keep(new.map { (keys[missing[$0.index]], Self.json(of: $0.scores)) })
        for (index, lists) in new {
          found[keys[missing[index]]] = lists
          scores.made += 1
          scores.answerTokens += lists.reduce(0) { $0 + $1.values.count }
        }
      }
    }
    return try keys.map { key in
      guard let lists = found[key] else {
        throw SynthesisError(scorer.identity.name, problem: "left a call without scores")
      }
      return lists
    }
  }

  private static func json(of lists: [TokenScoreList]) -> JSONValue {
    .array(lists.map { list in .array(list.values.map { .number(Double($0)) }) })
  }

  private static func scores(from json: JSONValue) throws -> [TokenScoreList] {
    guard let lists = json.array else { throw damaged }
    return try lists.map { list in
      guard let values = list.array else { throw damaged }
      return TokenScoreList(values.map { Float($0.double ?? -.infinity) })
    }
  }

  // MARK: Embeddings

  /// A text's embedding, counted among the scores.
  ///
  /// - Throws: as ``answers(of:to:)``.
  package func embedding(by embedder: any Embedder, of text: String) throws -> [Float] {
    let key = try embedder.key(embedding: text)
    if let known = try store.answers([key])[key] {
      scores.known += 1
      guard let values = known.array else { throw Self.damaged }
      return try values.map {
        guard let value = $0.double else { throw Self.damaged }
        return Float(value)
      }
    }
    let embedding = try embedder.embedding(of: text)
    try store.keep([(key, .array(embedding.map { .number(Double($0)) }))])
    scores.made += 1
    return embedding
  }
}
