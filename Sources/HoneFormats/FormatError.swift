/// A file that does not hold what its format promises.
///
/// The fields say what was wrong, where, what was expected and what to do next; ``description`` is
/// the one sentence built from them.
public struct FormatError: Error, Equatable, CustomStringConvertible {
  /// The file's path, or a name for bytes that came from elsewhere.
  public var file: String
  /// Where in the file: a byte, a line, a tensor, a key. Empty when the whole file is meant.
  public var place: String
  /// What is wrong.
  public var problem: String
  /// What to do next; empty when there is nothing sensible to say.
  public var advice: String

  public init(file: String, place: String = "", problem: String, advice: String = "") {
    self.file = file
    self.place = place
    self.problem = problem
    self.advice = advice
  }

  public var description: String {
    let location = place.isEmpty ? file : "\(file): \(place)"
    return advice.isEmpty ? "\(location): \(problem)" : "\(location): \(problem); \(advice)"
  }

  /// A name from a file in quotes, fit for one line of a terminal: control characters escaped, and
  /// the middle of a long name left out.
  package static func quoted(_ name: String) -> String {
    let scalars = name.unicodeScalars
    let shown =
      scalars.count <= 120
      ? name : "\(String(scalars.prefix(80)))...\(String(scalars.suffix(20)))"
    var text = "\""
    for scalar in shown.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator, .format:
        text += "\\u{\(String(scalar.value, radix: 16))}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
