/// A regular expression over module paths, in Python's spelling.
struct ModulePattern {
  private let regex: Regex<AnyRegexOutput>

  /// - Throws: ``AdapterError`` for what is no regular expression, or one with syntax that Swift's
  ///   engine does not have.
  init(_ pattern: String, of subject: String) throws {
    do {
      regex = try Regex(pattern).anchorsMatchLineEndings(false)
    } catch {
      throw AdapterError(
        subject, problem: "\(pattern): cannot be read as a regular expression: \(error)",
        advice: "write it otherwise, or list the modules' names")
    }
  }

  /// Whether the whole path matches, as Python's `re.fullmatch`.
  func matches(whole path: String) -> Bool { path.wholeMatch(of: regex) != nil }

  /// Whether the path's beginning matches, as Python's `re.match`.
  func matches(startOf path: String) -> Bool { path.prefixMatch(of: regex) != nil }

  /// The text that a group caught when the path's beginning matches.
  func group(_ index: Int, inStartOf path: String) -> Substring? {
    path.prefixMatch(of: regex).flatMap { $0.output[index].substring }
  }
}

/// Numbers that belong to some modules, as `rank_pattern` and `alpha_pattern` have them: the first
/// key that matches counts.
///
/// A key is a regular expression for the path or for its last parts (`get_pattern_key` in peft's
/// `utils/other.py`).
struct NumbersByModule {
  private let patterns: [(key: String, pattern: ModulePattern, value: Double)]

  init(_ numbers: [(name: String, value: Double)], of subject: String) throws {
    patterns = try numbers.map { key, value in
      (key, try ModulePattern("(.*\\.)?(\(key))$", of: subject), value)
    }
  }

  func value(for path: String) -> Double? {
    patterns.first { $0.pattern.matches(startOf: path) }?.value
  }

  /// Keys that match none of the paths.
  func unused(among paths: [String]) -> [String] {
    patterns.filter { entry in !paths.contains { entry.pattern.matches(startOf: $0) } }
      .map(\.key)
  }
}
