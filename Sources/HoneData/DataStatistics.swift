/// What a data set holds, counted.
public struct DataStatistics: Sendable, Equatable {
  public var examples = 0
  /// What is trained on: an example is one, or several where it is split or the template rewrites
  /// earlier turns.
  public var sequences = 0
  public var tokens = 0
  public var trainedTokens = 0
  /// Sequences that were cut, and those that were left out because they, or all that is trained in
  /// them, did not fit.
  public var truncated = 0
  public var dropped = 0
  /// Trained tokens that cutting and leaving out lost.
  public var lostTokens = 0
  /// Sequences that have nothing to train on, however long: they are left out.
  public var untrained = 0
  /// Trained end tokens.
  public var endTokens = 0
  /// Rows of batches, and tokens that they could hold.
  public var rows = 0
  public var capacity = 0
  /// Examples that occur more than once, counted from the second time on.
  public var duplicates = 0
  /// Sequences' lengths at 0, 50, 95 and 100 per cent.
  public var shortest = 0
  public var median = 0
  public var percentile95 = 0
  public var longest = 0

  /// How full the rows are, from 0 to 1.
  public var efficiency: Double { capacity == 0 ? 0 : Double(tokens) / Double(capacity) }

  /// Adds what another part of the same data set counted.
  mutating func add(_ other: DataStatistics) {
    examples += other.examples
    sequences += other.sequences
    tokens += other.tokens
    trainedTokens += other.trainedTokens
    truncated += other.truncated
    dropped += other.dropped
    lostTokens += other.lostTokens
    untrained += other.untrained
    endTokens += other.endTokens
  }

  /// Takes the lengths' percentiles.
  mutating func measure(_ lengths: [Int32]) {
    let sorted = lengths.sorted()
    guard let first = sorted.first, let last = sorted.last else { return }
    shortest = Int(first)
    median = Int(sorted[sorted.count / 2])
    percentile95 = Int(sorted[min(sorted.count - 1, sorted.count * 95 / 100)])
    longest = Int(last)
  }
}
