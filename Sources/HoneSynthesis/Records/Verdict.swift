/// What a filter said of a record.
package struct Verdict: Equatable, Sendable {
  /// The filter's name.
  package let filter: String
  /// What it measured, where that is a number.
  package let value: Double?
  /// What the value was compared with.
  package let threshold: Double?
  package let passes: Bool
  /// Why it does not pass, of this very record: `the answer's "1998" is not in the source`. Empty
  /// when it passes.
  package let reason: String

  package init(
    _ filter: String, value: Double? = nil, threshold: Double? = nil, passes: Bool,
    reason: String = ""
  ) {
    self.filter = filter
    self.value = value
    self.threshold = threshold
    self.passes = passes
    self.reason = reason
  }
}
