import Foundation
import HoneFormats
import Testing

@testable import HoneRecipes

@Suite struct RecipeCatalogTests {
  private static let root: String = {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    return url.path
  }()

  private static func path(of entry: RecipeCatalog.Entry) -> String {
    entry.name == "quickstart"
      ? "\(root)/Sources/HoneCatalog/Quickstart/recipe.yaml"
      : "\(root)/Sources/HoneCatalog/Catalog/\(entry.name).yaml"
  }

  /// A shipped recipe stands as it would be written, with every key explained; only its heading and
  /// its values are anybody's own. `HONE_RECORD=1` writes it anew after a change of the settings.
  @Test(arguments: RecipeCatalog.all.map(\.name))
  func `each shipped recipe has every key, explained`(name: String) throws {
    let path = Self.path(of: try RecipeCatalog.entry(named: name))
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let heading = text.split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { $0.hasPrefix("#") }.map { $0.dropFirst(2) }.joined(separator: "\n")
    let recipe = try Recipe(parsing: text, file: path, folder: "/here")
    let written = recipe.text(heading: heading, relativeTo: "/here")
    if ProcessInfo.processInfo.environment["HONE_RECORD"] != nil {
      try Data(written.utf8).write(to: URL(fileURLWithPath: path))
    } else {
      #expect(text == written, "HONE_RECORD=1 writes it anew")
    }
  }

  @Test func `each entry says what it is for`() {
    for entry in RecipeCatalog.all { #expect(entry.summary.hasSuffix("."), "\(entry.name)") }
  }

  @Test func `a name that is none gets the nearest`() {
    let error = #expect(throws: FormatError.self) { try RecipeCatalog.entry(named: "lra") }
    #expect(
      error?.description
        == "\"lra\": is no recipe that comes with Hone; did you mean lora?")
  }

  @Test func `every file of the catalogue is listed`() throws {
    let files = try FileManager.default.contentsOfDirectory(
      atPath: "\(Self.root)/Sources/HoneCatalog/Catalog")
    let listed = RecipeCatalog.all.map { "\($0.name).yaml" }
    #expect(Set(files).isSubset(of: listed))
  }
}
