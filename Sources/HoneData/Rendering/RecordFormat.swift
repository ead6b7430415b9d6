import HoneFormats

/// A list of ways in which records are written, told apart by their columns.
package protocol RecordFormat: RawRepresentable<String>, CaseIterable, Sendable
where AllCases == [Self] {
  /// The columns that a record of the format has, and those that it may have.
  var columns: (required: [String], optional: [String]) { get }

  /// What a record without any of the formats is told: their columns, and what to do.
  static func expectation(of record: JSONObject) -> String
}

extension RecordFormat {
  /// The format whose columns a record has.
  package static func detected(in record: JSONObject, mapping: [String: String]) -> Self? {
    allCases.first { format in
      format.columns.required.allSatisfy { record[mapping[$0] ?? $0] != nil }
    }
  }

  /// The format of a data set, by its first record.
  ///
  /// - Throws: ``ExampleFault`` when a mapping makes no sense, or the record is of no format.
  package static func resolved(
    _ chosen: Self?, for record: JSONObject, mapping: [String: String]
  ) throws -> Self {
    let keys = record.keys.map(FormatError.quoted).joined(separator: ", ")
    let known = Set(allCases.flatMap { $0.columns.required + $0.columns.optional })
    for (column, own) in mapping.sorted(by: { $0.key < $1.key }) {
      guard known.contains(column) else {
        throw ExampleFault(
          "columns maps \(FormatError.quoted(column)), which is no column that Hone knows; "
            + "expected one of \(known.sorted().joined(separator: ", "))")
      }
      guard record[own] != nil || chosen?.columns.optional.contains(column) == true else {
        throw ExampleFault(
          "columns says that \(column) is in \(FormatError.quoted(own)), but the record has "
            + "\(keys)")
      }
    }
    if let chosen {
      if let missing = chosen.columns.required.first(where: { record[mapping[$0] ?? $0] == nil }) {
        throw ExampleFault(
          "has \(keys), but the format \(chosen.rawValue) needs "
            + FormatError.quoted(mapping[missing] ?? missing))
      }
      return chosen
    }
    guard let format = detected(in: record, mapping: mapping) else {
      throw ExampleFault("has \(keys), which is \(expectation(of: record))")
    }
    return format
  }
}
