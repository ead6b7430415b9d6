import Foundation
import Testing

@Suite struct RecipesTests {
  @Test func `the recipes stand in a table`() throws {
    let outcome = try Program.run(["recipes"])
    #expect(outcome.code == 0)
    try Snapshot.expect(outcome.output, "recipes")
    #expect(try Program.run(["recipes", "list"]) == outcome)
  }

  @Test func `a recipe is printed as it is shipped`() throws {
    let outcome = try Program.run(["recipes", "show", "quickstart"])
    let shipped = "\(PackageFiles.root)/Examples/pellgarth-lights/recipe.yaml"
    #expect(outcome.output == (try String(contentsOfFile: shipped, encoding: .utf8)))
  }

  @Test func `a copy brings the data along and replaces nothing`() throws {
    let folder = try TemporaryFolder()
    let target = "\(folder.path)/desk"
    let outcome = try Program.run(["recipes", "copy", "quickstart", target])
    #expect(outcome.code == 0)
    let files = ["recipe.yaml", "train.jsonl", "valid.jsonl", "README.md"]
    #expect(outcome.output == files.map { "\(target)/\($0)\n" }.joined())
    for file in files {
      #expect(
        FileManager.default.contentsEqual(
          atPath: "\(target)/\(file)",
          andPath: "\(PackageFiles.root)/Examples/pellgarth-lights/\(file)"), "\(file)")
    }
    let again = try Program.run(["recipes", "copy", "quickstart", target])
    #expect(again.code == 2)
    #expect(
      again.error == "error: \(target)/recipe.yaml is there already; give another folder\n")
  }

  @Test func `a name that is none gets the nearest`() throws {
    let outcome = try Program.run(["recipes", "show", "lroa"])
    #expect(outcome.code == 2)
    #expect(
      outcome.error
        == "error: \"lroa\": is no recipe that comes with Hone; did you mean lora?\n")
  }
}
