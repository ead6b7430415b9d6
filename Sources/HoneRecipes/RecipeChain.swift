import Foundation
import HoneFormats

/// What a recipe's file says: one run, or stages that are trained one after another.
///
/// ```yaml
/// model: smollm2-135m
/// method: {lora: {rank: 16}}
/// stages:
///   - {name: sft, data: {train: facts.jsonl}, training: {epochs: 5}}
///   - {name: dpo, objective: dpo, data: {train: voice.jsonl}, training: {epochs: 1}}
/// output: runs/acme
/// ```
///
/// Each stage starts from the adapter that the one before left, its best one, and has a folder of its
/// name in the output. What `data` and `training` say beside the stages holds for all of them; a stage's
/// own keys win. In a later stage the reference is that adapter where nothing else is said.
public struct RecipeChain: Sendable {
  /// The recipe's path, or a name for text that came from elsewhere.
  public let file: String
  /// The runs in their order, at least one.
  public let stages: [Recipe]
  /// The folder of the run, or of all stages.
  public let output: String

  /// Whether the file has stages, even if only one.
  public var hasStages: Bool { stages[0].stage != nil }

  init(file: String, stages: [Recipe], output: String) {
    self.file = file
    self.stages = stages
    self.output = output
  }

  /// The only run.
  ///
  /// - Throws: ``RecipeError`` when there are stages.
  func single() throws -> Recipe {
    guard hasStages else { return stages[0] }
    let origin = RecipeOrigin.file(line: 1, column: 1)
    throw RecipeError(
      file: file,
      faults: [RecipeFault(origin, key: "stages", "is set, expected a recipe of one run")])
  }

  /// Reads a recipe's file.
  ///
  /// - Parameter overrides: values that win over the file's, `training.steps=10`. One of `epochs` and
  ///   `steps` displaces the other.
  /// - Throws: ``RecipeError`` with all faults, files that are not there included.
  public static func read(_ file: String, overrides: [String] = []) throws -> RecipeChain {
    let text = try RecipeText.read(file)
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
    return try RecipeChain(
      parsing: text, file: file, folder: folder, overrides: overrides, checkingFiles: true)
  }

  /// Reads a recipe's text.
  ///
  /// - Parameters:
  ///   - file: what errors call the text.
  ///   - folder: what its paths are relative to.
  ///   - checkingFiles: whether data and adapters must be there.
  /// - Throws: ``RecipeError`` with all faults.
  public init(
    parsing text: String, file: String, folder: String, overrides: [String] = [],
    checkingFiles: Bool = false
  ) throws {
    let none = RecipeNode(origin: .file(line: 1, column: 1), content: .mapping([]))
    var root = try RecipeNode.parse(text, file: file) ?? none
    var reader = RecipeReader(
      file: file, folder: folder, checksFiles: checkingFiles)
    reader.apply(overrides, to: &root)
    self = try reader.readChain(root)
  }
}
