import Foundation
import HoneAdapters
import HoneFormats
import HoneSynthesis

/// What data to make of what: a YAML file, read strictly.
///
/// ```yaml
/// pipeline: domain-qa
/// documents: handbook/
/// target: {accepted: 200}
/// output: runs/handbook
/// ```
///
/// Paths are relative to the recipe's folder, those of overrides to the current one; here they are
/// absolute. Every key has a value, its default where the recipe is silent.
public struct SynthesisRecipe: Sendable {
  /// The recipe's path, or a name for text that came from elsewhere.
  public let file: String
  let top: SettingValues
  let sections: [String: SettingValues]
  /// The folder of the run.
  public let output: String
  /// What the run is told.
  package let options: SynthesisOptions

  /// Reads a recipe's file.
  ///
  /// - Parameter overrides: values that win over the file's, `target.accepted=10`.
  /// - Throws: ``RecipeError`` with all faults, files that are not there included.
  public static func read(_ file: String, overrides: [String] = []) throws -> SynthesisRecipe {
    let text = try RecipeText.read(file)
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
    return try SynthesisRecipe(
      parsing: text, file: file, folder: folder, overrides: overrides, checkingFiles: true)
  }

  /// Reads a recipe's text.
  ///
  /// - Parameters:
  ///   - file: what errors call the text.
  ///   - folder: what its paths are relative to.
  ///   - checkingFiles: whether documents must be there.
  /// - Throws: ``RecipeError`` with all faults.
  public init(
    parsing text: String, file: String, folder: String, overrides: [String] = [],
    checkingFiles: Bool = false
  ) throws {
    let none = RecipeNode(origin: .file(line: 1, column: 1), content: .mapping([]))
    var root = try RecipeNode.parse(text, file: file) ?? none
    var reader = RecipeReader(file: file, folder: folder, checksFiles: checkingFiles)
    reader.apply(overrides, to: &root)
    self = try reader.readSynthesis(root)
  }

  init(
    file: String, top: SettingValues, sections: [String: SettingValues], output: String
  ) throws {
    self.file = file
    self.top = top
    self.sections = sections
    self.output = output
    options = try SynthesisOptions(top: top, sections: sections, output: output)
  }

  /// The recipe as YAML with every key, each explained, that reads back as the same recipe.
  public var text: String { text(heading: "", relativeTo: nil) }

  func text(heading: String, relativeTo folder: String?) -> String {
    var page = RecipePage(folder: folder)
    page.heading(heading)
    for setting in SynthesisSettings.top where setting.key != "output" {
      page.add(setting, top[setting.key], indent: 0)
    }
    for (name, settings) in SynthesisSettings.sections {
      page.blank()
      page.section(name, indent: 0)
      for setting in settings {
        page.add(setting, sections[name]?[setting.key] ?? .null, indent: 2)
      }
    }
    page.blank()
    if let setting = SynthesisSettings.top.first(where: { $0.key == "output" }) {
      page.add(setting, .string(output), indent: 0)
    }
    return page.text
  }
}
