import HoneFormats

/// One thing that a teacher is asked.
package struct TeacherCall: Sendable {
  /// What the teacher reads.
  package enum Prompt: Equatable, Sendable {
    /// A text to go on with: its beginning, which other calls share, and the rest.
    case completion(beginning: String, rest: String)
    /// Messages, which a model's own template turns into a text.
    case chat([Turn])
    /// A model's own template as far as the user's message, which the model then writes itself.
    case userTurn(system: String?)
  }

  package var prompt: Prompt
  package var maximumTokens: Int
  /// Texts that end the answer and are not part of it.
  package var stops: [String]
  /// 0 takes the likeliest token.
  package var temperature: Double
  package var topP: Double
  /// Of this call alone, so that nothing that runs beside it changes the answer.
  package var seed: UInt64
  /// The JSON Schema of what the answer must be, in place of stops; nil for any text.
  package var schema: JSONValue?

  package init(
    _ prompt: Prompt, maximumTokens: Int, stops: [String] = [], temperature: Double = 0,
    topP: Double = 1, seed: UInt64 = 0, schema: JSONValue? = nil
  ) {
    self.prompt = prompt
    self.maximumTokens = maximumTokens
    self.stops = stops
    self.temperature = temperature
    self.topP = topP
    self.seed = seed
    self.schema = schema
  }

  /// The seed of an attempt at a place of a run.
  package static func seed(run: UInt64, step: String, place: String, attempt: Int) -> UInt64 {
    Digest.number(of: [String(run), step, place, String(attempt)])
  }

  /// What was read, as one text for people.
  package var text: String {
    switch prompt {
    case .completion(let beginning, let rest): beginning + rest
    case .chat(let turns): Self.text(of: turns)
    case .userTurn(let system):
      Self.text(of: (system.map { [Turn(.system, $0)] } ?? []) + [Turn(.user, "")])
    }
  }

  private static func text(of turns: [Turn]) -> String {
    turns.map { "[\($0.role.rawValue)]\n\($0.content)" }.joined(separator: "\n")
  }

  /// The digest of what was read.
  package var promptDigest: String { Digest.of([text]) }
}

/// What came back.
package struct TeacherAnswer: Equatable, Sendable {
  package var text: String
  /// Whether it ended of its own accord, and not because it had to.
  package var isFinished: Bool
  /// How long the prompt and the answer were.
  package var promptTokens: Int
  package var answerTokens: Int

  package init(text: String, isFinished: Bool, promptTokens: Int, answerTokens: Int) {
    self.text = text
    self.isFinished = isFinished
    self.promptTokens = promptTokens
    self.answerTokens = answerTokens
  }
}

/// A text of which parts are scored: how likely a model finds each, given all before it.
package struct ScoreCall: Sendable {
  package struct Part: Equatable, Sendable {
    package var text: String
    package var isScored: Bool

    package init(_ text: String, isScored: Bool = false) {
      self.text = text
      self.isScored = isScored
    }
  }

  /// The beginning, which other calls share; not empty.
  package var beginning: String
  package var parts: [Part]

  package init(_ beginning: String, _ parts: [Part]) {
    self.beginning = beginning
    self.parts = parts
  }
}

/// The natural logarithms of the probabilities of one part's tokens.
package struct TokenScoreList: Equatable, Sendable {
  package var values: [Float]

  package init(_ values: [Float]) { self.values = values }

  /// The mean a token; nil for a part without tokens.
  package var mean: Double? {
    values.isEmpty ? nil : values.reduce(0) { $0 + Double($1) } / Double(values.count)
  }

  package var sum: Double { values.reduce(0) { $0 + Double($1) } }
}
