import Foundation
import HoneAdapters
import HoneFormats
import HoneTraining

extension Recipe {
  /// The recipe as YAML with every key, each explained, that reads back as the same recipe.
  ///
  /// Paths are absolute here, so the text can lie in any folder.
  public var text: String { text(heading: "", relativeTo: nil) }

  /// The recipe as YAML.
  ///
  /// - Parameters:
  ///   - heading: a comment at the top, without its signs.
  ///   - folder: paths inside this folder are written relative to it.
  func text(heading: String, relativeTo folder: String?) -> String {
    var page = RecipePage(folder: folder)
    page.heading(heading)
    page.addBase(of: self)
    page.addObjective(of: self, indent: 0)
    page.blank()
    page.section("data", indent: 0)
    for setting in DataSection.settings { page.add(setting, data[setting.key], indent: 2) }
    page.blank()
    page.section("training", indent: 0)
    for setting in TrainingSection.settings {
      page.add(setting, trainingValue(setting.key), indent: 2)
    }
    page.blank()
    page.add(Recipe.settings[1], .string(output), indent: 0)
    return page.text
  }

  /// What `training` has for a key; how long, in any case.
  fileprivate func trainingValue(_ key: String) -> JSONValue {
    let isUnlimited = !training.isSet("epochs") && !training.isSet("steps")
    return key == "epochs" && isUnlimited
      ? .number(TrainingSection.defaultEpochs) : training[key]
  }
}

extension RecipeChain {
  /// The recipe as YAML with every key, each explained where it first stands, that reads back as the
  /// same recipe; paths are absolute.
  public var text: String { text(heading: "", relativeTo: nil) }

  func text(heading: String, relativeTo folder: String?) -> String {
    guard hasStages else { return stages[0].text(heading: heading, relativeTo: folder) }
    var page = RecipePage(folder: folder)
    page.heading(heading)
    page.addBase(of: stages[0])
    typealias Part = (name: String, settings: [Setting], value: (Recipe, String) -> JSONValue)
    let parts: [Part] = [
      ("data", DataSection.settings, { $0.data[$1] }),
      ("training", TrainingSection.settings, { $0.trainingValue($1) }),
    ]
    func isCommon(_ part: Part, _ setting: Setting) -> Bool {
      stages.allSatisfy { part.value($0, setting.key) == part.value(stages[0], setting.key) }
    }
    for part in parts {
      page.blank()
      page.section(part.name, indent: 0)
      for setting in part.settings where isCommon(part, setting) {
        page.add(setting, part.value(stages[0], setting.key), indent: 2)
      }
    }
    page.blank()
    page.comment(
      "What is trained one after another, each from the best adapter of the one before. What a stage "
        + "says wins over what is said for all above.", indent: 0)
    page.section("stages", indent: 0)
    for (index, stage) in stages.enumerated() {
      page.item("name", stage.stage ?? "")
      page.addObjective(of: stage, indent: 4)
      for part in parts {
        let own = part.settings.filter { !isCommon(part, $0) }
        if !own.isEmpty { page.section(part.name, indent: 4) }
        for setting in own {
          page.add(
            setting, part.value(stage, setting.key), indent: 6, isExplained: index == 0)
        }
      }
      page.blank()
    }
    page.add(Recipe.settings[1], .string(output), indent: 0)
    return page.text
  }
}

extension JSONValue {
  /// The value as a recipe has it, on one line.
  package var recipeText: String { RecipePage.scalar(self) }
}

/// The lines of a recipe that is being written.
struct RecipePage {
  /// What paths are relative to; nil where they stay absolute.
  let folder: String?
  private(set) var text = ""

  init(folder: String?) { self.folder = folder }

  mutating func blank() { text += "\n" }

  /// Model and method.
  mutating func addBase(of recipe: Recipe) {
    if recipe.weights == .stored {
      add(Recipe.settings[0], .string(recipe.model), indent: 0)
    } else {
      section("model", indent: 0)
      add(Recipe.modelSettings[0], .string(recipe.model), indent: 2)
      add(Recipe.modelSettings[1], .string(recipe.weights.rawValue), indent: 2)
    }
    blank()
    let method = recipe.method
    section("method", indent: 0)
    comment("\(method.summary) \(method.source)", indent: 2)
    section(method.name, indent: 2)
    add(
      Recipe.adapterFolderSetting, recipe.adapterFolder.map(JSONValue.string) ?? .null, indent: 4)
    // An adapter that training goes on from brings the rest.
    for setting in method.settings
    where recipe.adapterFolder == nil || recipe.methodSettings.givenKeys.contains(setting.key) {
      add(setting, recipe.methodSettings[setting.key], indent: 4)
    }
  }

  /// What is trained for, where that is not to write what the examples say.
  mutating func addObjective(of recipe: Recipe, indent: Int) {
    let objective = recipe.objective
    guard objective.name != Objectives.supervised.name else { return }
    if indent == 0 { blank() }
    section("objective", indent: indent)
    comment("\(objective.summary) \(objective.source)", indent: indent + 2)
    section(objective.name, indent: indent + 2)
    for setting in objective.settings {
      add(setting, recipe.objectiveSettings[setting.key], indent: indent + 4)
    }
  }

  /// The first key of a list's next item.
  mutating func item(_ key: String, _ value: String) {
    text += "  - \(key): \(Self.scalar(.string(value)))\n"
  }

  mutating func section(_ name: String, indent: Int) {
    text += "\(String(repeating: " ", count: indent))\(name):\n"
  }

  /// A comment at the top, its lines as they are.
  mutating func heading(_ words: String) {
    guard !words.isEmpty else { return }
    for line in words.split(separator: "\n", omittingEmptySubsequences: false) {
      text += line.isEmpty ? "#\n" : "# \(line)\n"
    }
    blank()
  }

  /// A comment, folded at 96 columns.
  mutating func comment(_ words: String, indent: Int) {
    guard !words.isEmpty else { return }
    let margin = String(repeating: " ", count: indent) + "#"
    var line = margin
    for word in words.split(separator: " ") {
      if line.count + word.count + 1 > 96, line != margin {
        text += line + "\n"
        line = margin
      }
      line += " \(word)"
    }
    text += line + "\n"
  }

  /// A key with its value, under what it means and may be.
  mutating func add(
    _ setting: Setting, _ value: JSONValue, indent: Int, isExplained: Bool = true
  ) {
    if isExplained { comment(explanation(of: setting), indent: indent) }
    var value = value
    let isReference = setting.key == "model" || setting.key == "path"
    if setting.kind == .path || isReference || setting.key == "reference", let path = value.string {
      value = .string(shortened(path))
    }
    if setting.kind == .paths {
      value =
        value.array.map { .array($0.compactMap(\.string).map { .string(shortened($0)) }) }
        ?? value.string.map { .string(shortened($0)) } ?? value
    }
    let margin = String(repeating: " ", count: indent)
    text += "\(margin)\(setting.key): \(Self.scalar(value))\n"
  }

  /// What a setting is for, and what it may be where that does not show in its value.
  private func explanation(of setting: Setting) -> String {
    switch setting.kind {
    case .text, .path, .paths, .names, .flag, .namesByName, .numbersByName: return setting.summary
    case .integer, .number, .choice, .integers: break
    }
    let expected = setting.allowsNone ? "\(setting.kind), or none" : "\(setting.kind)"
    return "\(setting.summary) \(expected.prefix(1).uppercased())\(expected.dropFirst())."
  }

  private func shortened(_ path: String) -> String {
    guard let folder, path.hasPrefix(folder + "/") else { return path }
    return String(path.dropFirst(folder.count + 1))
  }

  /// A value on one line.
  static func scalar(_ value: JSONValue, isInside: Bool = false) -> String {
    switch value {
    case .null: "none"
    case .string(let text): isPlain(text, isInside: isInside) ? text : quoted(text)
    case .array(let values):
      "[" + values.map { scalar($0, isInside: true) }.joined(separator: ", ") + "]"
    case .object(let object):
      "{"
        + object.map { "\(quoted($0.0)): \(scalar($0.1, isInside: true))" }.joined(separator: ", ")
        + "}"
    default: value.text()
    }
  }

  /// Whether a text means itself without quotes.
  private static func isPlain(_ text: String, isInside: Bool) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "-"),
      text.utf8.last != UInt8(ascii: ":"),
      text != "none"
    else { return false }
    let isSafe = text.unicodeScalars.allSatisfy { scalar in
      scalar.isASCII
        && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
          || "._-/=+".unicodeScalars.contains(scalar) || (scalar == ":" && !isInside))
    }
    return isSafe && RecipeNode.plainValue(of: text) == .string(text)
  }

  /// A text in double quotes; what JSON escapes, YAML reads.
  private static func quoted(_ text: String) -> String { JSONValue.string(text).text() }
}
