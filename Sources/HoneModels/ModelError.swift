/// A model that cannot be found, fetched or built.
public struct ModelError: Error, Equatable, CustomStringConvertible {
  /// What it concerns: a reference as it was written, a file's path.
  public var subject: String
  /// Where: a file of the model, a tensor, a key. Empty when the whole is meant.
  public var place: String
  /// What is wrong.
  public var problem: String
  /// What to do next; empty when there is nothing sensible to say.
  public var advice: String

  public init(subject: String, place: String = "", problem: String, advice: String = "") {
    self.subject = subject
    self.place = place
    self.problem = problem
    self.advice = advice
  }

  public var description: String {
    let location = place.isEmpty ? subject : "\(subject): \(place)"
    return advice.isEmpty ? "\(location): \(problem)" : "\(location): \(problem); \(advice)"
  }
}
