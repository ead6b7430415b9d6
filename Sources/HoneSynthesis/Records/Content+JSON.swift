import HoneFormats

extension SynthesisRecord.Content {
  /// The columns that training reads, in a fixed order.
  package var json: JSONObject {
    switch self {
    case .questionAnswer(let question, let answer):
      JSONObject([("messages", Self.json(of: [Turn(.user, question), Turn(.assistant, answer)]))])
    case .conversation(let turns): JSONObject([("messages", Self.json(of: turns))])
    case .instruction(let instruction, let input, let output):
      JSONObject([
        ("instruction", .string(instruction)), ("input", .string(input)),
        ("output", .string(output)),
      ])
    case .preference(let prompt, let chosen, let rejected):
      JSONObject([
        ("prompt", Self.json(of: prompt)), ("chosen", Self.json(of: [Turn(.assistant, chosen)])),
        ("rejected", Self.json(of: [Turn(.assistant, rejected)])),
      ])
    case .openBook(let question, let context, let oracle, let quote, let answer):
      JSONObject([
        ("question", .string(question)), ("context", .array(context.map { .string($0) })),
        ("oracle", oracle.map { .integer($0) } ?? .null), ("quote", .string(quote)),
        ("answer", .string(answer)),
      ])
    case .extraction(let text, let record):
      JSONObject([("messages", Self.json(of: Self.turns(text, record))), ("record", record)])
    case .examItem(let question, let choices, let answer, let expects):
      JSONObject([
        ("question", .string(question)), ("choices", .array(choices.map { .string($0) })),
        ("answer", .string(answer)), ("expects", .array(expects.map { .string($0) })),
      ])
    }
  }

  /// A text, and its record in the layout that a schema holds a model to.
  private static func turns(_ text: String, _ record: JSONValue) -> [Turn] {
    [Turn(.user, text), Turn(.assistant, record.text(.spaced))]
  }

  private static func json(of turns: [Turn]) -> JSONValue {
    .array(
      turns.map {
        .object(
          JSONObject([("role", .string($0.role.rawValue)), ("content", .string($0.content))]))
      })
  }

  init(_ members: JSONMembers, kind: SynthesisRecord.Kind) throws {
    switch kind {
    case .questionAnswer:
      let turns = try members.turns("messages")
      guard turns.map(\.role) == [.user, .assistant] else {
        throw members.fault("messages", "is not a question and its answer")
      }
      self = .questionAnswer(question: turns[0].content, answer: turns[1].content)
    case .conversation: self = .conversation(try members.turns("messages"))
    case .instruction:
      self = .instruction(
        instruction: try members.text("instruction"), input: try members.text("input"),
        output: try members.text("output"))
    case .preference:
      self = .preference(
        prompt: try members.turns("prompt"), chosen: try members.onlyTurn("chosen"),
        rejected: try members.onlyTurn("rejected"))
    case .openBook:
      let context = try members.texts("context")
      let oracle = members["oracle"]?.integer
      if let oracle, !context.indices.contains(oracle) {
        throw members.fault("oracle", "is \(oracle), but there are \(context.count) passages")
      }
      self = .openBook(
        question: try members.text("question"), context: context, oracle: oracle,
        quote: try members.text("quote"), answer: try members.text("answer"))
    case .extraction:
      guard let record = members["record"] else { throw members.fault("record", "is missing") }
      let turns = try members.turns("messages")
      guard let text = turns.first?.content, turns == Self.turns(text, record) else {
        throw members.fault("messages", "is not a text and its record")
      }
      self = .extraction(text: text, record: record)
    case .examItem:
      self = .examItem(
        question: try members.text("question"), choices: try members.texts("choices"),
        answer: try members.text("answer"), expects: try members.texts("expects"))
    }
  }
}

extension JSONMembers {
  fileprivate func turns(_ key: String) throws -> [Turn] {
    try list(key).map { Turn(try $0.name("role"), try $0.text("content")) }
  }

  fileprivate func onlyTurn(_ key: String) throws -> String {
    let turns = try turns(key)
    guard turns.count == 1, turns[0].role == .assistant else {
      throw fault(key, "is not one answer of the assistant")
    }
    return turns[0].content
  }
}
