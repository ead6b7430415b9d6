/// Rejects answers with a number that neither their passage nor their question has.
///
/// Numbers are compared by their digits: 1,200 and 1200 are the same. Those of extracted records are
/// judged by ``GroundedValues``, which knows the schema.
struct NumbersInSource: Filter {
  let name = "numbers_in_source"
  let reason = "The answer has a number that the source does not have, so it is made up."

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    guard let chunk = context.chunk, record.content.kind != .extraction else { return passed() }
    let known = Self.numbers(in: "\(chunk.passage)\n\(record.content.request)")
    let unknown = Self.numbers(in: record.content.response).first { !known.contains($0) }
    return unknown.map { failed("the answer's \($0) is not in the source") } ?? passed()
  }

  /// Runs of digits, without what stands between thousands.
  static func numbers(in text: String) -> [String] {
    var numbers: [String] = []
    var current = ""
    var hasSeparator = false
    for character in text {
      if character.isNumber {
        current.append(character)
        hasSeparator = false
      } else if !current.isEmpty, character == ",", !hasSeparator {
        hasSeparator = true
      } else if !current.isEmpty {
        numbers.append(current)
        current = ""
        hasSeparator = false
      }
    }
    if !current.isEmpty { numbers.append(current) }
    return numbers
  }
}
