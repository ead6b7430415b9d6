import Foundation

/// A folder with `train.jsonl`, and `valid.jsonl` and `test.jsonl` where there are any; `.json`,
/// `.csv`, `.txt` and `.md` files of these names serve too.
package struct DataFolder: Sendable, Equatable {
  package let train: String
  package let valid: String?
  package let test: String?

  /// Looks into a folder; nil when it has no file to train on.
  ///
  /// - Throws: ``DataError`` when two files claim the same part.
  package init?(_ folder: String) throws {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    func file(_ stems: String...) throws -> String? {
      let found = names.filter { name in
        let suffix = name.pathSuffix
        guard
          RecordSources.tableSuffixes.contains(suffix)
            || RecordSources.textSuffixes.contains(suffix)
        else { return false }
        return stems.contains(name.dropLast(suffix.count + 1).lowercased())
      }
      guard found.count <= 1 else {
        throw DataError(
          folder, problem: "holds \(found.joined(separator: " and ")), and only one can be meant",
          advice: "name the file itself")
      }
      return found.first.map { "\(folder)/\($0)" }
    }
    guard let train = try file("train") else { return nil }
    self.train = train
    valid = try file("valid", "validation", "dev")
    test = try file("test")
  }
}
