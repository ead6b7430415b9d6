/// A tokenizer or chat template that cannot be built or applied.
public struct TextError: Error, Equatable, CustomStringConvertible {
  /// What it concerns: a file's path, a template's name.
  public var subject: String
  /// Where: a line, a key, a token. Empty when the whole is meant.
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
