import HoneTensors

/// Rows of tokens to run through a network together: one or more sequences, side by side.
public struct TokenBatch: Sendable {
  /// One of the sequences, in consecutive rows.
  public struct Sequence: Sendable {
    /// Its rows in the batch.
    public var rows: Range<Int>
    /// The position of its first row.
    public var position: Int
    /// Which sequence of the cache it continues; unused without a cache.
    public var slot: Int

    public init(rows: Range<Int>, position: Int = 0, slot: Int = 0) {
      self.rows = rows
      self.position = position
      self.slot = slot
    }
  }

  public var ids: [Int32]
  public var sequences: [Sequence]

  /// - Precondition: the sequences' rows cover the tokens in order, without gaps.
  public init(ids: [Int32], sequences: [Sequence]) {
    precondition(
      sequences.reduce(0) { $1.rows.lowerBound == $0 ? $1.rows.upperBound : -1 } == ids.count,
      "sequences must cover the tokens in order")
    self.ids = ids
    self.sequences = sequences
  }

  /// Whole sequences from position 0, one after the other.
  public init(_ sequences: [[Int32]]) {
    var start = 0
    self.init(
      ids: sequences.flatMap { $0 },
      sequences: sequences.enumerated().map { slot, ids in
        defer { start += ids.count }
        return Sequence(rows: start..<start + ids.count, slot: slot)
      })
  }

  /// The sequences with rows ahead of each of them.
  func sequences(after rowsAhead: Int) -> [Sequence] {
    sequences.enumerated().map { index, sequence in
      var wider = sequence
      let start = sequence.rows.lowerBound + index * rowsAhead
      wider.rows = start..<start + rowsAhead + sequence.rows.count
      return wider
    }
  }
}
