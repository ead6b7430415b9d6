/// Data that cannot be learned from, with all that is wrong.
public struct DataError: Error, Equatable, CustomStringConvertible {
  /// The file or folder.
  public var subject: String
  /// One sentence each, with the line where there is one; at most a dozen.
  public var faults: [String]
  /// What to do; empty when there is nothing sensible to say.
  public var advice: String

  public init(_ subject: String, faults: [String], advice: String = "") {
    self.subject = subject
    self.faults = faults
    self.advice = advice
  }

  public init(_ subject: String, problem: String, advice: String = "") {
    self.init(subject, faults: [problem], advice: advice)
  }

  public var description: String {
    let faults =
      faults.count == 1
      ? "\(subject): \(faults[0])" : (["\(subject):"] + faults).joined(separator: "\n  ")
    return advice.isEmpty
      ? faults : faults.count > 200 ? "\(faults)\n  \(advice)" : "\(faults); \(advice)"
  }
}
