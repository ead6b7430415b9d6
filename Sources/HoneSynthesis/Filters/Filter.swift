/// Says of a record whether it is worth training on.
///
/// A filter judges one record at a time and knows no other: what depends on other records is
/// deduplication. It never throws: what it cannot judge, it lets pass or rejects, and says so.
package protocol Filter: Sendable {
  /// Its name in recipes, files and reports, such as `numbers_in_source`.
  var name: String { get }
  /// What a rejection means and why it matters, one sentence for the report.
  var reason: String { get }

  /// Judges a record.
  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict
}

extension Filter {
  /// A verdict in favour.
  func passed(value: Double? = nil, threshold: Double? = nil) -> Verdict {
    Verdict(name, value: value, threshold: threshold, passes: true)
  }

  /// A verdict against.
  func failed(_ reason: String, value: Double? = nil, threshold: Double? = nil) -> Verdict {
    Verdict(name, value: value, threshold: threshold, passes: false, reason: reason)
  }
}

/// What a filter may look at besides the record.
package struct FilterContext: Sendable {
  /// The chunk that the record was made of; nil for records without a source.
  package var chunk: Chunk?

  package init(chunk: Chunk? = nil) { self.chunk = chunk }
}
