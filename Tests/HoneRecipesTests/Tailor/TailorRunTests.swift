import Foundation
import HoneSynthesis
import Testing

@testable import HoneRecipes

/// Runs with the default model, where it is cached.
@Suite(.enabled(if: DefaultModel.cached != nil), .serialized) struct TailorRunTests {
  private func folder() throws -> String {
    let folder = NSTemporaryDirectory() + "hone-tailor-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let document = """
      # Boats of Lorn

      The ferry Aster leaves Lorn harbour at 7:40 every morning and carries at most 62 passengers. \
      Bicycles {and prams} travel free of charge on the lower deck, but dogs need a ticket of 2 crowns.

      # Repairs

      Hulls are scraped in the dry dock beside the chandlery, which Mette Olsen has run since 1998. \
      Engines are taken out by the crane on the north pier, and a mechanic is there from Monday to Friday.

      # Dues

      Harbour dues are 14 crowns a night for boats up to nine metres. The office takes cards and coins, \
      but it gives no change after six in the evening.
      """
    try Data(document.utf8).write(to: URL(fileURLWithPath: "\(folder)/boats.md"))
    return folder
  }

  private func run(_ folder: String, examples: Int = 4) throws -> TailorRun {
    let model = try #require(DefaultModel.cached)
    return TailorRun(
      .init(
        documents: ["\(folder)/boats.md"], model: model.path, output: "\(folder)/out",
        examples: examples, questions: 2), model: model, teacher: model, threads: 2)
  }

  @Test func `documents become a model in one run, which goes on where it was stopped`()
    async throws
  {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try run(folder)
    var steps: [String] = []
    // Stopped when training begins.
    var isTraining = false
    await #expect(throws: CancellationError.self) {
      _ = try await first.run(
        isInterrupted: { isTraining },
        listener: { event in
          guard case .step(let step, let isFinished) = event else { return }
          steps.append("\(step) \(isFinished)")
          isTraining = step == .training
        })
    }
    #expect(steps == ["exam false", "data false", "training false"])
    steps = []
    let result = try await run(folder).run(listener: { event in
      guard case .step(let step, let isFinished) = event else { return }
      steps.append("\(step) \(isFinished)")
    })
    #expect(steps == ["exam true", "data true", "training false", "measuring false"])
    #expect((1...2).contains(result.exam.sheet.items.count))
    #expect((1...4).contains(result.examples))
    // What was trained on is likelier than before, if only by the form of the answers.
    let bits = try #require(result.exam.whole.measures.first { $0.isCost })
    #expect(bits.after < bits.before)
    for name in ["report.html", "answers.jsonl", "adapter/adapter_model.safetensors"] {
      #expect(FileManager.default.fileExists(atPath: "\(folder)/out/\(name)"), "\(name)")
    }
    let asked = Set(result.exam.sheet.items.map(\.question))
    let taught = try String(contentsOfFile: first.dataFolder.accepted, encoding: .utf8)
    #expect(asked.allSatisfy { !taught.contains($0) })

    // Other settings do not write into the folder.
    let error = await #expect(throws: SynthesisError.self) {
      _ = try await run(folder, examples: 5).run()
    }
    #expect(
      error?.description.contains("was begun with other settings:\n  examples: 4 became 5") == true)
    // Unless that is wanted: every step is done again, with the teacher's answers of before.
    steps = []
    let calls = try CallStore(path: first.dataFolder.calls).count()
    _ = try await run(folder, examples: 5).run(
      restarts: true,
      listener: { event in
        guard case .step(let step, let isFinished) = event else { return }
        steps.append("\(step) \(isFinished)")
      })
    #expect(steps == ["exam false", "data false", "training false", "measuring false"])
    #expect(try CallStore(path: first.dataFolder.calls).count() >= calls)

    // Neither do other documents of the same names.
    try Data("# Boats\n\nThe Aster is sold.".utf8).write(
      to: URL(fileURLWithPath: "\(folder)/boats.md"))
    let changed = await #expect(throws: SynthesisError.self) { _ = try await run(folder).run() }
    #expect(changed?.description.contains("\n  documents_sha256: ") == true)
  }
}
