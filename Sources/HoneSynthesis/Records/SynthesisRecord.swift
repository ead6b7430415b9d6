import HoneFormats

/// One piece of data that a run made, accepted or not, with where it came from and what was thought
/// of it.
///
/// Its line in `accepted.jsonl` or `rejected.jsonl` begins with the columns that training reads
/// (``Content``); all else stands under `_meta`.
package struct SynthesisRecord: Equatable, Sendable, Identifiable {
  /// What was made.
  package enum Content: Equatable, Sendable {
    /// `messages`: a question and its answer.
    case questionAnswer(question: String, answer: String)
    /// `messages`: several turns.
    case conversation([Turn])
    /// `instruction`, `input`, `output`; the input may be empty.
    case instruction(instruction: String, input: String, output: String)
    /// `prompt`, `chosen`, `rejected`: two answers, the better first.
    case preference(prompt: [Turn], chosen: String, rejected: String)
    /// `question`, `context`, `oracle`, `quote`, `answer`: a question over passages. `oracle` is the
    /// passage that holds the answer, from 0; nil when none does. The quote is its evidence.
    case openBook(
      question: String, context: [String], oracle: Int?, quote: String, answer: String)
    /// `messages`, `record`: a text and what it says, as a value of a schema, which is the answer too.
    case extraction(text: String, record: JSONValue)
    /// `question`, `choices`, `answer`, `expects`: an exam's question. Without choices it wants a
    /// short answer, which is right when it contains everything expected.
    case examItem(question: String, choices: [String], answer: String, expects: [String])
  }

  /// A name from what was made and the chunk that it was made of.
  package let id: String
  package let content: Content
  package let provenance: Provenance
  /// What the samplers drew for it: `question_type`, `difficulty`, `persona` and so on.
  package var attributes: [String: String]
  /// Measured values by their names, such as `grounding` or `ifd`.
  package var scores: [String: Double]
  /// What the filters said, in the order in which they were asked.
  package var verdicts: [Verdict]
  package var split: Chunk.Split

  package init(
    _ content: Content, provenance: Provenance, attributes: [String: String] = [:],
    scores: [String: Double] = [:], verdicts: [Verdict] = [], split: Chunk.Split = .train
  ) {
    self.content = content
    self.provenance = provenance
    self.attributes = attributes
    self.scores = scores
    self.verdicts = verdicts
    self.split = split
    id = Digest.name(of: [
      "record", content.kind.rawValue, JSONValue.object(content.json).text(),
      provenance.source?.chunk ?? "",
    ])
  }

  /// Whether no filter rejects it.
  package var isAccepted: Bool { verdicts.allSatisfy(\.passes) }

  /// The first verdict against it.
  package var rejection: Verdict? { verdicts.first { !$0.passes } }
}

extension SynthesisRecord {
  /// The kinds of content, by their names in files.
  package enum Kind: String, CaseIterable, Sendable {
    case questionAnswer = "question_answer"
    case conversation, instruction, preference
    case openBook = "open_book"
    case extraction
    case examItem = "exam_item"
  }
}

extension SynthesisRecord.Content {
  package var kind: SynthesisRecord.Kind {
    switch self {
    case .questionAnswer: .questionAnswer
    case .conversation: .conversation
    case .instruction: .instruction
    case .preference: .preference
    case .openBook: .openBook
    case .extraction: .extraction
    case .examItem: .examItem
    }
  }

  /// What is asked: the question, the instruction with its input, or all that users say.
  package var request: String {
    switch self {
    case .questionAnswer(let question, _), .openBook(let question, _, _, _, _),
      .examItem(let question, _, _, _):
      question
    case .conversation(let turns): Self.text(of: turns, by: .user)
    case .instruction(let instruction, let input, _):
      input.isEmpty ? instruction : "\(instruction)\n\n\(input)"
    case .preference(let prompt, _, _): Self.text(of: prompt, by: .user)
    case .extraction(let text, _): text
    }
  }

  /// What is to be learned: the answer, the output, the better answer, or all that assistants say.
  package var response: String {
    switch self {
    case .questionAnswer(_, let answer), .openBook(_, _, _, _, let answer),
      .examItem(_, _, let answer, _):
      answer
    case .conversation(let turns): Self.text(of: turns, by: .assistant)
    case .instruction(_, _, let output): output
    case .preference(_, let chosen, _): chosen
    case .extraction(_, let record): record.text(.spaced)
    }
  }

  /// What somebody asks, which must be understood by itself; nil where a text is all that is given.
  package var question: String? {
    if case .extraction = self { return nil }
    return request
  }

  /// What is answered: both answers of a preference, a record's values without their names.
  package var answers: [String] {
    switch self {
    case .preference(_, let chosen, let rejected): [chosen, rejected]
    case .extraction(_, let record): [record.leaves.map(\.shown).joined(separator: " ")]
    case .questionAnswer, .conversation, .instruction, .openBook, .examItem: [response]
    }
  }

  /// Each question with its answer: one, but for a conversation.
  package var exchanges: [(question: String, answer: String)] {
    guard case .conversation(let turns) = self else { return [(request, response)] }
    return zip(turns, turns.dropFirst()).compactMap { turn, next in
      turn.role == .user && next.role == .assistant ? (turn.content, next.content) : nil
    }
  }

  private static func text(of turns: [Turn], by role: Turn.Role) -> String {
    turns.filter { $0.role == role }.map(\.content).joined(separator: "\n\n")
  }
}
