import HoneData

/// What a reference makes of a pair.
package struct PairReference: Sendable, Equatable {
  package var chosen: AnswerSums
  package var rejected: AnswerSums
}

/// What a reference makes of an answer, and of the answer to another prompt behind its prompt.
package struct AnswerReference: Sendable, Equatable {
  package var own: Double
  package var other: Double
}

/// Pairs with what the reference makes of each; no references where there is none.
package struct ReferencedPairs: Sendable {
  package var pairs: [PreferencePair]
  package var references: [PairReference]

  package init(pairs: [PreferencePair], references: [PairReference]) {
    self.pairs = pairs
    self.references = references
  }
}

/// Answers with a label, with the answer to another prompt for each, and what the reference makes of
/// both.
package struct ReferencedAnswers: Sendable {
  package var examples: [UnpairedExample]
  package var mismatched: [[Int32]]
  package var references: [AnswerReference]

  package init(
    examples: [UnpairedExample], mismatched: [[Int32]], references: [AnswerReference]
  ) {
    self.examples = examples
    self.mismatched = mismatched
    self.references = references
  }
}

/// A source's batches with their references.
package struct ReferencedBatches<Inner: BatchSource, Batch>: BatchSource {
  private let inner: Inner
  private let adding: (Inner.Batch) throws -> Batch

  package var stepsPerEpoch: Int { inner.stepsPerEpoch }

  package func batches(step: Int) throws -> [Batch] { try inner.batches(step: step).map(adding) }
}

extension ReferencedBatches where Inner == PreferenceBatches, Batch == ReferencedPairs {
  /// - Parameter scores: nil where there is no reference.
  package init(_ inner: PreferenceBatches, scores: ReferenceScores?) {
    self.inner = inner
    adding = { batch in
      scores?.referenced(batch) ?? ReferencedPairs(pairs: batch.pairs, references: [])
    }
  }
}

extension ReferencedBatches where Inner == UnpairedBatches, Batch == ReferencedAnswers {
  package init(_ inner: UnpairedBatches, of data: PreferenceData, scores: ReferenceScores?) {
    self.inner = inner
    adding = { batch in
      ReferencedAnswers(
        examples: batch.examples,
        mismatched: try batch.examples.map { try data.mismatched(with: $0.index) },
        references: scores.map { batch.examples.map(\.index).map($0.answer) } ?? [])
    }
  }
}

extension ReferenceScores {
  /// Pairs with what the reference makes of them.
  package func referenced(_ batch: PreferenceBatch) -> ReferencedPairs {
    ReferencedPairs(pairs: batch.pairs, references: batch.pairs.map { pair($0.index) })
  }
}

extension PreferenceData {
  /// The answer to the next prompt.
  func mismatched(with index: Int) throws -> [Int32] {
    try example((index + 1) % count).completion
  }
}
