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

  init(_ options: SynthesisOptions) throws

  /// The places of a chunk where candidates can be made, the most promising first.
  func statements(of chunk: Chunk) -> [Statement?]

  /// Makes the candidates of slots, in their order; what cannot be made has a verdict that says why.
  func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord]

  /// What is measured of a candidate; nil where there is nothing to measure.
  func pair(of record: SynthesisRecord, at slot: Slot) -> (question: String, answer: String)?
}

extension SynthesisPipeline {
  package static var readsPassages: Bool { true }
  package static var readsExamples: Bool { false }
  package static var readsHeldOut: Bool { false }
  package func statements(of chunk: Chunk) -> [Statement?] { [nil] }
  package func pair(of record: SynthesisRecord, at slot: Slot) -> (
    question: String, answer: String
  )? { (record.content.request, record.content.response) }
}

/// The pipelines that Hone has.
package enum SynthesisPipelines {
  package static let all: [any SynthesisPipeline.Type] = [
    DomainQA.self, OpenBook.self, Exam.self, Instructions.self, Style.self, SelfReplay.self,
  ]

  package static func named(_ name: String) -> (any SynthesisPipeline.Type)? {
    all.first { $0.name == name }
  }
}
