/// Data that cannot be made: documents that cannot be read, records that cannot be judged, a run
/// that comes to nothing.
public struct SynthesisError: Error, Equatable, CustomStringConvertible {
  /// What it concerns: a file's or folder's path, a filter, a step of the recipe.
  public var subject: String
  /// Where: a page, a line, a record's id. Empty when the whole is meant.
  public var place: String
  /// What is wrong.
  public var problem: String
  /// What to do next; empty when there is nothing sensible to say.
  public var advice: String

  public init(_ subject: String, place: String = "", problem: String, advice: String = "") {
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
