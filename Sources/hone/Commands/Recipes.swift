import ArgumentParser
import Foundation
import HoneFormats
import HoneRecipes

struct Recipes: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists, shows and copies the recipes that come with Hone.",
    discussion: "A recipe says what to train on what and how, with every key explained.",
    subcommands: [List.self, Show.self, Copy.self], defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the recipes.")

    func run() {
      var table = Table(("NAME", .left), ("RECIPE", .left))
      for entry in RecipeCatalog.all { table.add(entry.name, entry.summary) }
      print(table.text)
      var data = Table(("NAME", .left), ("DATA FOR IT", .left))
      for entry in RecipeCatalog.synthesis { data.add(entry.name, entry.summary) }
      print("\n\(data.text)")
      print("\n`hone recipes show NAME` prints one, `hone recipes copy NAME` makes it yours.")
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints a recipe.")

    @Argument(help: "The recipe's name.")
    var name: String

    func run() throws { print(try Recipes.entry(name).text, terminator: "") }
  }

  struct Copy: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes a recipe, with the data that it brings, into a folder.",
      discussion: "Files that are there already are never replaced.")

    @Argument(help: "The recipe's name.")
    var name: String

    @Argument(help: "The folder, which is made if need be.", completion: .directory)
    var folder = "."

    func run() throws {
      let entry = try Recipes.entry(name)
      let targets = entry.files.map { "\(folder)/\($0.name)" }
      if let taken = targets.first(where: FileManager.default.fileExists) {
        throw UsageError(description: "\(taken) is there already; give another folder")
      }
      let isNew = !FileManager.default.fileExists(atPath: folder)
      try NewFolder.make(folder)
      do {
        for (file, target) in zip(entry.files, targets) {
          try AtomicFile.write(file.bytes, to: target)
        }
      } catch {
        // Half a copy is none.
        for target in isNew ? [folder] : targets {
          try? FileManager.default.removeItem(atPath: target)
        }
        throw error
      }
      print(targets.joined(separator: "\n"))
    }
  }

  private static func entry(_ name: String) throws -> RecipeCatalog.Entry {
    try UsageError.catching { try RecipeCatalog.entry(named: name) }
  }
}
