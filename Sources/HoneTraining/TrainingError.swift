/// Why a run could not begin or go on.
public struct TrainingError: Error, Equatable, CustomStringConvertible {
  /// What it is about: a setting, a step, a file.
  public var subject: String
  public var problem: String
  /// What to do; empty when there is nothing sensible to say.
  public var advice: String

  public init(_ subject: String, problem: String, advice: String = "") {
    self.subject = subject
    self.problem = problem
    self.advice = advice
  }

  public var description: String {
    "\(subject) \(problem)" + (advice.isEmpty ? "" : "; \(advice)")
  }
}
