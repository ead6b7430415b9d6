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

  public static let all: [Entry] = [
    quickstart,
    Entry(name: "lora", files: [("lora.yaml", PackageResources.lora_yaml)]),
    Entry(name: "lean", files: [("lean.yaml", PackageResources.lean_yaml)]),
    Entry(name: "text", files: [("text.yaml", PackageResources.text_yaml)]),
    Entry(
      name: "prompt_tuning", files: [("prompt_tuning.yaml", PackageResources.prompt_tuning_yaml)]),
    Entry(name: "p_tuning", files: [("p_tuning.yaml", PackageResources.p_tuning_yaml)]),
    Entry(
      name: "prefix_tuning", files: [("prefix_tuning.yaml", PackageResources.prefix_tuning_yaml)]),
    Entry(name: "dora", files: [("dora.yaml", PackageResources.dora_yaml)]),
    Entry(name: "pissa", files: [("pissa.yaml", PackageResources.pissa_yaml)]),
    Entry(name: "adalora", files: [("adalora.yaml", PackageResources.adalora_yaml)]),
    Entry(name: "loha", files: [("loha.yaml", PackageResources.loha_yaml)]),
    Entry(name: "lokr", files: [("lokr.yaml", PackageResources.lokr_yaml)]),
    Entry(name: "vera", files: [("vera.yaml", PackageResources.vera_yaml)]),
    Entry(name: "oft", files: [("oft.yaml", PackageResources.oft_yaml)]),
    Entry(name: "ia3", files: [("ia3.yaml", PackageResources.ia3_yaml)]),
    Entry(name: "bottleneck", files: [("bottleneck.yaml", PackageResources.bottleneck_yaml)]),
    Entry(name: "bitfit", files: [("bitfit.yaml", PackageResources.bitfit_yaml)]),
    Entry(name: "selective", files: [("selective.yaml", PackageResources.selective_yaml)]),
    Entry(name: "full", files: [("full.yaml", PackageResources.full_yaml)]),
    Entry(name: "diff_pruning", files: [("diff_pruning.yaml", PackageResources.diff_pruning_yaml)]),
    Entry(name: "dpo", files: [("dpo.yaml", PackageResources.dpo_yaml)]),
    Entry(name: "kto", files: [("kto.yaml", PackageResources.kto_yaml)]),
    Entry(name: "orpo", files: [("orpo.yaml", PackageResources.orpo_yaml)]),
    Entry(name: "simpo", files: [("simpo.yaml", PackageResources.simpo_yaml)]),
    Entry(name: "reward", files: [("reward.yaml", PackageResources.reward_yaml)]),
  ]

  /// The recipes of `hone synthesize`.
  public static let synthesis: [Entry] = [
    Entry(name: "domain-qa", files: [("domain-qa.yaml", PackageResources.domain_qa_yaml)]),
    Entry(name: "open-book", files: [("open-book.yaml", PackageResources.open_book_yaml)]),
    Entry(name: "exam", files: [("exam.yaml", PackageResources.exam_yaml)]),
  ]

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
    files: [
      ("recipe.yaml", PackageResources.recipe_yaml),
      ("train.jsonl", PackageResources.train_jsonl),
      ("valid.jsonl", PackageResources.valid_jsonl),
      ("README.md", PackageResources.README_md),
    ])
}
