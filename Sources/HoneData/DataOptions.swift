/// How a data set is read.
public struct DataOptions: Sendable {
  /// The most tokens of a sequence, and of a row when packing.
  public var maxTokens = 512
  public var packs = true
  /// How records are written; nil looks at the first.
  package var format: ExampleFormat?
  package var truncation = Truncation.auto
  /// The share of sequences that may be cut or left out: above it, reading the data is an error.
  public var truncationLimit = 0.1
  /// The records' own names for columns.
  public var columns: [String: String] = [:]

  public init() {}
}
