import HoneTensors

/// Rows of tokens to run through a network together: one or more sequences, side by side.
public struct TokenBatch: Sendable {
  /// One of the sequences, in consecutive rows.
  public struct Sequence: Sendable {
    /// Its rows in the batch.
    public var rows: Range<Int>
    /// The rows of an earlier sequence of the batch that it continues, empty for none; several may
    /// continue the same one.
    public var after: Range<Int>
    /// The position of its first row.
    public var position: Int
    /// Which sequence of the cache it continues; unused without a cache.
    public var slot: Int

    public init(rows: Range<Int>, after: Range<Int> = 0..<0, position: Int = 0, slot: Int = 0) {
      self.rows = rows
      self.after = after
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

  /// Beginnings with their continuations: each beginning is computed once for all of its own.
  public init(_ trunks: [(beginning: [Int32], continuations: [[Int32]])]) {
    var ids: [Int32] = []
    var sequences: [Sequence] = []
    for trunk in trunks {
      let beginning = ids.count..<ids.count + trunk.beginning.count
      sequences.append(Sequence(rows: beginning))
      ids += trunk.beginning
      for continuation in trunk.continuations {
        sequences.append(
          Sequence(
            rows: ids.count..<ids.count + continuation.count, after: beginning,
            position: beginning.count))
        ids += continuation
      }
    }
    self.init(ids: ids, sequences: sequences)
  }

  /// Whether any sequence continues another one.
  var hasContinuations: Bool { sequences.contains { !$0.after.isEmpty } }

  /// The sequences with rows ahead of each that continues no other one.
  func sequences(after rowsAhead: Int) -> [Sequence] {
    var added = 0
    var beginnings: [Int: Range<Int>] = [:]
    return sequences.map { sequence in
      var wider = sequence
      let start = sequence.rows.lowerBound + added
      if sequence.after.isEmpty {
        added += rowsAhead
        wider.rows = start..<start + rowsAhead + sequence.rows.count
        beginnings[sequence.rows.lowerBound] = wider.rows
      } else {
        wider.rows = start..<start + sequence.rows.count
        wider.after = beginnings[sequence.after.lowerBound] ?? sequence.after
        wider.position += rowsAhead
      }
      return wider
    }
  }

  /// The same tokens with a beginning of its own for each continuation.
  ///
  /// - Returns: the batch, and for each row of this one a row of it that says the same.
  func separated() -> (batch: TokenBatch, rows: [Int32]) {
    var whole: [[Int32]] = []
    var rows = [Int32](repeating: -1, count: ids.count)
    var end: Int32 = 0
    func add(_ parts: [Range<Int>]) {
      for row in parts.joined() {
        if rows[row] < 0 { rows[row] = end }
        end += 1
      }
      whole.append(parts.flatMap { ids[$0] })
    }
    let continued = Set(sequences.filter { !$0.after.isEmpty }.map(\.after.lowerBound))
    for sequence in sequences {
      if !sequence.after.isEmpty {
        add([sequence.after, sequence.rows])
      } else if !continued.contains(sequence.rows.lowerBound) {
        add([sequence.rows])
      }
    }
    return (TokenBatch(whole), rows)
  }
}
