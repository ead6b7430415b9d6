import Foundation
import HoneModels
import HoneStore
import HoneSynthesis
import Testing

@testable import HoneRecipes

/// Runs with the default model, where it is cached.
@Suite(.enabled(if: DefaultModel.cached != nil), .serialized) struct SynthesisJobTests {
  /// A folder with a document, a recipe over it and room for runs.
  private func folder() throws -> String {
    let folder = NSTemporaryDirectory() + "hone-synthesis-job-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let document = """
      # Boats of Lorn

      The ferry Aster leaves Lorn harbour at 7:40 every morning and carries at most 62 passengers. \
      Bicycles {and prams} travel free of charge on the lower deck, but dogs need a ticket of 2 crowns.

      # Repairs

      Hulls are scraped in the dry dock beside the chandlery, which Mette Olsen has run since 1998. \
      Engines are taken out by the crane on the north pier, and a mechanic is there from Monday to Friday.
      """
    try Data(document.utf8).write(to: URL(fileURLWithPath: "\(folder)/boats.md"))
    return folder
  }

  /// The files of a run, after as many interruptions as asked.
  private func files(
    of name: String, in folder: String, threads: Int, batchSize: Int, stopAfter calls: Int = .max
  ) async throws -> [String] {
    let recipe = try SynthesisRecipe(
      parsing: """
        pipeline: domain-qa
        documents: boats.md
        chunks: {tokens: 64, overlap: 0}
        filters: {controls: 8, likelihood: [open_book, grounding]}
        target: {accepted: 3, budget: 6}
        output: \(name)
        """, file: "recipe.yaml", folder: folder)
    let model = try #require(DefaultModel.cached)
    var asked = 0
    func job(_ isInterrupted: @escaping () -> Bool) throws -> SynthesisJob {
      try SynthesisJob(
        recipe, models: .init(teacher: model, reader: model), threads: threads,
        batchSize: batchSize, isInterrupted: isInterrupted)
    }
    if calls < .max {
      let result = try await job {
        asked += 1
        return asked > calls
      }.run(restarts: false, isInterrupted: { asked > calls }, listener: { _ in })
      #expect(result.isInterrupted)
    }
    _ = try await job { false }.run(
      restarts: false, isInterrupted: { false }, listener: { _ in })
    return try ["accepted.jsonl", "rejected.jsonl", "calibration.json"].map {
      try String(contentsOfFile: "\(recipe.output)/\($0)", encoding: .utf8)
    }
  }

  @Test func `the same bytes come from any threads and batches, and after an interruption`()
    async throws
  {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let whole = try await files(of: "whole", in: folder, threads: 2, batchSize: 32)
    let records = (whole[0] + whole[1]).split(separator: "\n").count
    #expect((3...6).contains(records))
    #expect(
      try await files(of: "small", in: folder, threads: 1, batchSize: 2) == whole)
    #expect(
      try await files(of: "stopped", in: folder, threads: 2, batchSize: 2, stopAfter: 40)
        == whole)
    // Another recipe does not write into the folder.
    let error = await #expect(throws: SynthesisError.self) {
      let other = try SynthesisRecipe(
        parsing: "pipeline: domain-qa\ndocuments: boats.md\nseed: 8\noutput: whole\n",
        file: "recipe.yaml", folder: folder)
      let model = try #require(DefaultModel.cached)
      _ = try await SynthesisJob(
        other, models: .init(teacher: model, reader: model), threads: 2
      ).run(restarts: false, isInterrupted: { false }, listener: { _ in })
    }
    #expect(error?.description.contains("holds a run of other settings") == true)
  }
}
