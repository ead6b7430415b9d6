/// A way from documents, from examples or from nothing to records.
package protocol SynthesisPipeline: Sendable {
  /// Its name in recipes: `domain-qa`.
  static var name: String { get }
  /// What it does, in order, before filters judge.
  static var steps: [Step] { get }
  /// Whether its candidates are made of passages; where not, places for them have no end.
  static var readsPassages: Bool { get }
  /// Whether it needs example tasks, which ``Workshop/examples`` holds.
  static var readsExamples: Bool { get }
  /// Whether its passages are those that were held out.
  static var readsHeldOut: Bool { get }
  /// Whether it makes records of the recipe's JSON Schema.
  static var readsSchema: Bool { get }
  /// Whether its questions or tasks are asked for as samplers draw.
  static var drawsSamplers: Bool { get }
  /// How many candidates of a passage follow one another before the next passage's.
  static var perVisit: Int { get }
  /// How many questions one of its candidates has at most.
  static var questionCount: Int { get }
  /// How many calls of the teacher one of its candidates takes at most.
  static var callCount: Int { get }

  init(_ options: SynthesisOptions) throws

  /// The longest text besides a passage that a teacher reads with it.
  var examples: String { get }

  /// The places of a chunk where candidates can be made, the most promising first.
  func statements(of chunk: Chunk) -> [Statement?]

  /// Makes the candidates of slots, in their order; what cannot be made has a verdict that says why.
  func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord]

  /// Makes questions at slots that their statements answer word for word, which filters are
  /// calibrated on.
  func controls(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord]

  /// What is measured of a candidate: its questions with their answers, if it has any.
  func pairs(of record: SynthesisRecord, at slot: Slot) -> [(question: String, answer: String)]
}

extension SynthesisPipeline {
  package static var readsPassages: Bool { true }
  package static var readsExamples: Bool { false }
  package static var readsHeldOut: Bool { false }
  package static var readsSchema: Bool { false }
  package static var drawsSamplers: Bool { true }
  package static var perVisit: Int { 8 }
  package static var questionCount: Int { 1 }
  package static var callCount: Int { questionCount }
  package var examples: String { QuestionWriting.examples }
  package func statements(of chunk: Chunk) -> [Statement?] { [nil] }
  package func controls(
    _ slots: [Slot], _ workshop: Workshop
  ) async throws -> [SynthesisRecord] { try await make(slots, workshop) }
  package func pairs(of record: SynthesisRecord, at slot: Slot) -> [(
    question: String, answer: String
  )] { record.content.exchanges }

  /// The same with the passage that it was made of and those like it, if any.
  func questionPairs(
    of record: SynthesisRecord, at slot: Slot, _ workshop: Workshop
  ) -> [QuestionPair] {
    pairs(of: record, at: slot).map { pair in
      QuestionPair(
        question: pair.question, answer: pair.answer, chunk: slot.chunk,
        neighbours: slot.chunk.map(workshop.neighbours) ?? [])
    }
  }
}

/// The pipelines that Hone has.
package enum SynthesisPipelines {
  package static let all: [any SynthesisPipeline.Type] = [
    DomainQA.self, OpenBook.self, Exam.self, Preferences.self, Extraction.self, Conversations.self,
    Instructions.self, Style.self, SelfReplay.self,
  ]

  package static func named(_ name: String) -> (any SynthesisPipeline.Type)? {
    all.first { $0.name == name }
  }
}
