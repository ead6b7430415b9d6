/// What a data set holds, counted.
public struct DataStatistics: Sendable, Equatable {
  public var examples = 0
  public var sequences = 0
  public var tokens = 0
  public var trainedTokens = 0
  /// Sequences that were cut, and those that were left out: too long to keep, or with nothing left
  /// to train on.
  public var truncated = 0
  public var dropped = 0
  /// Rows of batches, and tokens that they could hold.
  public var rows = 0
  public var capacity = 0
  /// Examples that occur more than once.
  public var duplicates = 0
  /// Sequences' lengths at 0, 50, 95 and 100 per cent.
  public var shortest = 0
  public var median = 0
  public var percentile95 = 0
  public var longest = 0

  /// How full the rows are, from 0 to 1.
  public var efficiency: Double { capacity == 0 ? 0 : Double(tokens) / Double(capacity) }
}
