/// Settings that do not fit their declarations, with everything that is wrong at once.
public struct SettingsError: Error, Equatable, CustomStringConvertible {
  /// The settings' owner: `lora`.
  public var subject: String
  /// What is wrong, a sentence each, which names the key first.
  public var faults: [String]

  public init(_ subject: String, faults: [String]) {
    self.subject = subject
    self.faults = faults
  }

  public var description: String {
    faults.count == 1
      ? "\(subject): \(faults[0])"
      : "\(subject): \(faults.count) faults:\n  " + faults.joined(separator: "\n  ")
  }
}
