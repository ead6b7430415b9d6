import HoneCatalog
import HoneFormats
import HoneModels

/// The recipes that come with Hone.
public enum RecipeCatalog {
  /// One recipe, with the files that it needs.
  public struct Entry: Sendable {
    public let name: String
    /// The files of a copy, the recipe first.
    public let files: [(name: String, bytes: [UInt8])]

    /// The recipe's text.
    public var text: String { String(decoding: files[0].bytes, as: UTF8.self) }

    /// The recipe's first comment, which says what it is for.
    public var summary: String {
      let line = text.split(separator: "\n").first ?? ""
      return line.hasPrefix("# ") ? String(line.dropFirst(2)) : ""
    }
  }

  public static let all: [Entry] =
    [quickstart]
    + [
      "lora", "lean", "text", "prompt_tuning", "p_tuning", "prefix_tuning", "dora", "pissa",
      "adalora", "loha", "lokr", "vera", "oft", "ia3", "bottleneck", "bitfit", "selective", "full",
      "diff_pruning", "dpo", "kto", "orpo", "simpo", "reward",
    ].map { entry($0, in: "Catalog") }

  /// The recipes of `hone synthesize`.
  public static let synthesis: [Entry] = [
    "domain-qa", "open-book", "exam", "preferences", "extraction", "conversations", "instructions",
    "style", "self-replay",
  ].map { entry($0, in: "SynthesisCatalog") }

  private static func entry(_ name: String, in folder: String) -> Entry {
    Entry(name: name, files: [("\(name).yaml", bytes(of: "\(folder)/\(name).yaml"))])
  }

  /// A file that is part of the program.
  private static func bytes(of path: String) -> [UInt8] {
    guard let file = hone_catalog_find(path)?.pointee else {
      preconditionFailure("\(path) is missing in catalog.c")
    }
    return Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
  }

  /// The recipe of that name.
  ///
  /// - Throws: ``FormatError`` that names the nearest.
  public static func entry(named name: String) throws -> Entry {
    let known = all + synthesis
    if let entry = known.first(where: { $0.name == name }) { return entry }
    let names = known.map(\.name)
    let advice =
      name.nearest(in: names).map { "did you mean \($0)?" }
      ?? "there are \(names.joined(separator: ", "))"
    throw FormatError(
      file: FormatError.quoted(name), problem: "is no recipe that comes with Hone", advice: advice)
  }

  /// The example that `hone quickstart` runs: a recipe, and the questions of an invented company.
  public static let quickstart = Entry(
    name: "quickstart",
    files: ["recipe.yaml", "train.jsonl", "valid.jsonl", "README.md"].map {
      ($0, bytes(of: "Quickstart/\($0)"))
    })
}
