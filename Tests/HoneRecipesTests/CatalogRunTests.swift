import Foundation
import HoneFormats
import HoneSynthesis
import Testing

@testable import HoneRecipes

/// Recipes that come with Hone, run small with the default model, where it is cached.
@Suite(.enabled(if: DefaultModel.cached != nil), .serialized) struct CatalogRunTests {
  /// A folder with what the recipes name: documents, examples, a schema, conversations and pairs.
  private func folder(pairs: Bool = false) throws -> String {
    let folder = NSTemporaryDirectory() + "hone-catalogue-\(UUID().uuidString)"
    let conversation = """
      {"messages": [{"role": "user", "content": "When does the Aster leave?"}, \
      {"role": "assistant", "content": "The Aster leaves at 7:40."}]}

      """
    let pair = """
      {"prompt": "When does the Aster leave?", "chosen": "The Aster leaves at 7:40.", \
      "rejected": "I like boats."}

      """
    let task = """
      {"instruction": "Name three colours.", "output": "Red, green and blue."}
      {"instruction": "Say what a ferry is.", "output": "A ship that carries people across water."}
      {"instruction": "Write a title for a tale of a lost dog.", "output": "The Long Way Home."}

      """
    let document = """
      # Boats of Lorn

      The ferry Aster leaves Lorn harbour at 7:40 every morning and carries at most 62 passengers. \
      Bicycles {and prams} travel free of charge on the lower deck, but dogs need a ticket of 2 crowns.

      # Repairs

      Hulls are scraped in the dry dock beside the chandlery, which Mette Olsen has run since 1998.
      """
    let schema = """
      {"type": "object", "properties": {"ship": {"type": "string", "maxLength": 20}, \
      "count": {"type": "integer"}}, "required": ["ship"], "additionalProperties": false}
      """
    let example = pairs ? pair : conversation
    for (name, text) in [
      ("docs/boats.md", document), ("texts/boats.txt", document), ("examples.jsonl", task),
      ("schema.json", schema), ("data/train.jsonl", example + example),
      ("data/valid.jsonl", example),
    ] {
      let url = URL(fileURLWithPath: "\(folder)/\(name)")
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    return folder
  }

  @Test(arguments: RecipeCatalog.synthesis.map(\.name))
  func `each recipe of synthesis makes candidates, each judged and with where it comes from`(
    name: String
  ) async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let recipe = try SynthesisRecipe(
      parsing: RecipeCatalog.entry(named: name).text, file: "\(folder)/recipe.yaml", folder: folder,
      overrides: [
        "target={accepted: 1, budget: 1}", "filters.controls=8",
        "chunks={tokens: 64, overlap: 0}", "teacher.max_tokens=24", "output=\"\(folder)/out\"",
      ], checkingFiles: true)
    let model = try #require(DefaultModel.cached)
    let result = try await SynthesisJob(
      recipe, models: .init(teacher: model, reader: model), threads: 2
    ).run(restarts: false, isInterrupted: { false }, listener: { _ in })
    #expect(result.funnel.candidates == 1)
    var count = 0
    for file in ["accepted", "rejected"] {
      var lines = try JSONLines(path: "\(folder)/out/\(file).jsonl")
      while let line = try lines.next() {
        count += 1
        let record = try SynthesisRecord(line.value, file: file, place: "\(line.line)")
        #expect(record.isAccepted == (file == "accepted"))
        #expect(record.provenance.recipe == name)
        #expect(record.rejection.map { !$0.reason.isEmpty } ?? true)
        let readsDocuments = !["instructions", "style", "self-replay"].contains(name)
        #expect((record.provenance.source != nil) == readsDocuments)
      }
    }
    #expect(count == result.funnel.candidates)
    for file in ["report.html", "README.md"] {
      #expect(FileManager.default.fileExists(atPath: "\(folder)/out/\(file)"))
    }
  }

  /// The methods' own tests train each of them on this model; these are the others.
  @Test(arguments: ["lean", "text", "selective", "kto", "orpo", "simpo", "reward"])
  func `a recipe of training trains, and leaves its adapter`(name: String) throws {
    let entry = try RecipeCatalog.entry(named: name)
    let isText = name == "text"
    let folder = try folder(pairs: ["dpo", "kto", "orpo", "simpo", "reward"].contains(name))
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let recipe = try Recipe(
      parsing: entry.text, file: "\(folder)/recipe.yaml", folder: folder,
      overrides: [
        "training.steps=2", "training.batch_size=1", "data.max_tokens=64",
        "output=\"\(folder)/out\"",
      ] + (isText ? [] : ["data.train=\"\(folder)/data/train.jsonl\""])
        + (isText ? [] : ["data.valid=\"\(folder)/data/valid.jsonl\""]), checkingFiles: true)
    let pipeline = try Pipeline(recipe, model: try #require(DefaultModel.cached), threads: 2)
    var losses: [Double] = []
    let result = try pipeline.run(listener: { event in
      if case .step(let step) = event { losses.append(step.loss) }
    })
    #expect(losses.count == 2 && losses.allSatisfy { $0.isFinite && $0 > 0 })
    #expect(result.end.reason == .completed)
    #expect(FileManager.default.fileExists(atPath: pipeline.folder.adapterPath))
  }
}
