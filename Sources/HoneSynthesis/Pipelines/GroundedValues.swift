import Foundation
import HoneFormats

/// Says whether the values of an extracted record stand in the text that it was made of.
package enum GroundedValues {
  package static let name = "grounded_values"

  /// Every text of more than three characters and every number must stand there, save those that the
  /// schema itself lists. Case and white space do not count; numbers are compared as
  /// ``NumbersInSource`` compares them, and a comma may stand for the point.
  package static func verdict(
    on record: JSONValue, in text: String, listed: [JSONValue]
  ) -> Verdict {
    let known = normalized(text)
    let numbers = Set(
      NumbersInSource.numbers(in: text)
        + NumbersInSource.numbers(in: text.replacing(",", with: " ")))
    let unknown = record.leaves.first { value in
      if listed.contains(value) { return false }
      if let string = value.string {
        let string = normalized(string)
        return string.count > 3 && !known.contains(string)
      }
      guard value.double != nil else { return false }
      // A whole number is one however it is written: 12.0.
      let digits = NumbersInSource.numbers(in: value.integer.map(String.init) ?? value.text())
      return !digits.allSatisfy(numbers.contains)
    }
    guard let unknown else { return Verdict(name, passes: true) }
    return Verdict(
      name, passes: false, reason: "the record's \(unknown.text()) is not in the passage")
  }

  private static func normalized(_ text: String) -> String {
    text.lowercased().collapsingSpaces
  }
}
