/// How a user names what frozen weights are kept in: as their file has them, or quantised at load.
public enum WeightQuantization: String, Sendable, CaseIterable {
  case stored, nf4, fp4, int8

  /// The format to quantise to; nil for none.
  public var format: StorageFormat? {
    switch self {
    case .stored: nil
    case .nf4: .nf4
    case .fp4: .fp4
    case .int8: .q8_0
    }
  }
}
