/// An adapter that cannot be made, read, written or merged, with everything that is wrong at once.
public struct AdapterError: Error, Equatable, CustomStringConvertible {
  /// What it concerns: a folder, a file, a method.
  public var subject: String
  /// What is wrong, a sentence each, which names the key, tensor or module first.
  public var faults: [String]
  /// What to do next; empty when there is nothing sensible to say.
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
    let end = advice.isEmpty ? "" : "; \(advice)"
    if faults.count == 1 { return "\(subject): \(faults[0])\(end)" }
    // A file of another model may be wrong about thousands of tensors; a screenful is enough.
    let shown = faults.prefix(40).joined(separator: "\n  ")
    let more = faults.count > 40 ? "\n  and \(faults.count - 40) more" : ""
    return "\(subject): \(faults.count) faults:\n  \(shown)\(more)\(end)"
  }
}
