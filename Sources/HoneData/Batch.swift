/// A sequence of tokens and which of them are learned.
public struct TokenSequence: Sendable, Equatable {
  public var ids: [Int32]
  /// Whether each token is a target: its loss, given those before it, counts.
  public var trained: [Bool]

  public init(ids: [Int32], trained: [Bool]) {
    precondition(ids.count == trained.count)
    self.ids = ids
    self.trained = trained
  }

  public var trainedTokenCount: Int { trained.dropFirst().reduce(0) { $0 + ($1 ? 1 : 0) } }
}

/// Sequences that share a row; they never see each other.
public struct PackedRow: Sendable, Equatable {
  public var sequences: [TokenSequence]

  public init(sequences: [TokenSequence]) { self.sequences = sequences }
}

/// Rows that go through the network together.
public struct Batch: Sendable, Equatable {
  public var rows: [PackedRow]

  public init(rows: [PackedRow]) { self.rows = rows }

  public var tokenCount: Int {
    rows.reduce(0) { $0 + $1.sequences.reduce(0) { $0 + $1.ids.count } }
  }
  public var trainedTokenCount: Int {
    rows.reduce(0) { $0 + $1.sequences.reduce(0) { $0 + $1.trainedTokenCount } }
  }
}
