/// A request that a model cannot serve.
public struct GenerationError: Error, Equatable, CustomStringConvertible {
  /// What is wrong.
  public var problem: String
  /// What to do next; empty when there is nothing sensible to say.
  public var advice: String

  public init(problem: String, advice: String = "") {
    self.problem = problem
    self.advice = advice
  }

  public var description: String { advice.isEmpty ? problem : "\(problem); \(advice)" }
}
