/// What was read and what was not, and why.
package struct IngestReport: Equatable, Sendable {
  /// A file that gave no document.
  package struct Skipped: Equatable, Sendable {
    package var path: String
    /// The rest of a sentence that begins with the path.
    package var reason: String
  }

  /// How many documents there are of each kind.
  package var kinds: [Document.Kind: Int] = [:]
  /// Texts that are not UTF-8, with what they were taken for.
  package var encodings: [String: TextDecoding.Encoding] = [:]
  package var skipped: [Skipped] = []
  /// How many files of each suffix were passed over as of no known kind.
  package var unknownKinds: [String: Int] = [:]
  package var hiddenCount = 0
  /// How many pieces of personal data were treated.
  package var personalData: PersonalData.Counts = [:]

  mutating func note(_ reading: DocumentReader.Reading, path: String) {
    kinds[reading.document.kind, default: 0] += 1
    if let encoding = reading.encoding, encoding != .utf8 { encodings[path] = encoding }
    personalData.merge(reading.personalData, uniquingKeysWith: +)
  }

  /// The report in sentences.
  package var lines: [String] {
    let total = kinds.values.reduce(0, +)
    let counts = Document.Kind.allCases.compactMap { kind in
      kinds[kind].map { "\($0) \(kind.rawValue)" }
    }
    var lines = ["\(total) documents read: \(counts.joined(separator: ", "))"]
    for (path, encoding) in encodings.sorted(by: { $0.key < $1.key }) {
      lines.append(
        encoding == .latin1
          ? "\(path) is not UTF-8 and was read as Latin-1; save it as UTF-8 if letters are wrong"
          : "\(path) was read as \(encoding.rawValue)")
    }
    lines += skipped.map { "passed over: \($0.path) \($0.reason)" }
    if !unknownKinds.isEmpty {
      let kinds = unknownKinds.sorted { $0.key < $1.key }.map { suffix, count in
        "\(count) \(suffix.isEmpty ? "without suffix" : ".\(suffix)")"
      }
      lines.append("files of no known kind: \(kinds.joined(separator: ", "))")
    }
    if hiddenCount > 0 { lines.append("hidden files and folders: \(hiddenCount)") }
    if !personalData.isEmpty {
      let kinds = personalData.sorted { $0.key.rawValue < $1.key.rawValue }
        .map { "\($1) \($0.label)" }
      lines.append("personal data treated: \(kinds.joined(separator: ", "))")
    }
    return lines
  }
}
