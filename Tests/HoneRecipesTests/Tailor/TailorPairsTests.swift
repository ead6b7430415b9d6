import Foundation
import HoneFormats
import HoneModels
import HoneSynthesis
import Testing

@testable import HoneRecipes

/// Runs of a tiny model over examples, and pairs, that lie in the folder as if they had been made.
@Suite(.serialized) struct TailorPairsTests {
  private let folder: String
  private let model: LocalModel

  init() throws {
    folder = NSTemporaryDirectory() + "hone-tailor-pairs-\(UUID().uuidString)"
    for name in ["data", "pairs"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/out/\(name)", withIntermediateDirectories: true)
    }
    model = try TinyModel.copied(into: folder)
    try write(
      (0..<8).map { number in
        """
        {"messages": [{"role": "user", "content": "What is \(number)?"}, \
        {"role": "assistant", "content": "It is \(number)."}]}
        """
      }, to: "out/data/accepted.jsonl")
    try write(
      (0..<8).map { number in
        """
        {"prompt": [{"role": "user", "content": "Which is \(number)?"}], \
        "chosen": [{"role": "assistant", "content": "It is \(number)."}], \
        "rejected": [{"role": "assistant", "content": "Who knows \(number)?"}]}
        """
      }, to: "out/pairs/accepted.jsonl")
    for name in ["data", "pairs"] { try write(["made"], to: "out/\(name)/report.html") }
    try write(
      (0..<3).map { number in
        """
        {"question": "What is \(number)?", "answer": "It is \(number).", \
        "choices": ["It is \(number).", "It is 9."]}
        """
      }, to: "exam.jsonl")
    // No statement that anything could be made of.
    try write(["Closed."], to: "boats.md")
  }

  private func write(_ lines: [String], to name: String) throws {
    let text = lines.map { "\($0)\n" }.joined()
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
  }

  private func read(_ name: String) throws -> String {
    try String(contentsOfFile: "\(folder)/out/\(name)", encoding: .utf8)
  }

  private func adapter(_ step: String) -> Data? {
    FileManager.default.contents(
      atPath: "\(folder)/out/\(step)adapter/adapter_model.safetensors")
  }

  private func run(learnsPairs: Bool = true) -> TailorRun {
    TailorRun(
      .init(
        documents: ["\(folder)/boats.md"], model: model.path, output: "\(folder)/out", examples: 8,
        questions: 3, exam: "\(folder)/exam.jsonl", learnsPairs: learnsPairs), model: model,
      teacher: model, threads: 1)
  }

  @Test func `pairs are learned from after the examples, and the exam is sat three times`()
    async throws
  {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let plain = run(learnsPairs: false)
    #expect(plain.options.steps == [.exam, .data, .training, .measuring])
    let first = try await plain.run()
    #expect(first.exam.columns == ["before", "after"])
    #expect(adapter("") != nil && adapter("") == adapter("training/"))
    let settings = try read("settings.json")

    // A run that is done goes on with pairs; this one is stopped when it learns from them.
    var steps: [String] = []
    var isStopped = false
    await #expect(throws: CancellationError.self) {
      _ = try await run().run(
        isInterrupted: { isStopped },
        listener: { event in
          guard case .step(let step, let isFinished) = event else { return }
          steps.append("\(step) \(isFinished)")
          isStopped = step == .dpo
        })
    }
    #expect(steps == ["data true", "training true", "pairs true", "dpo false"])
    steps = []
    let result = try await run().run(listener: { event in
      guard case .step(let step, let isFinished) = event else { return }
      steps.append("\(step) \(isFinished)")
    })
    #expect(
      steps == ["data true", "training true", "pairs true", "dpo false", "measuring false"])
    #expect(result.examples == 8 && result.pairs == 8 && result.lack == nil)
    #expect(result.exam.columns == ["before", "sft", "dpo"])
    #expect(result.exam.sittings[0].answers == first.exam.sittings[0].answers)
    #expect(result.exam.sittings[1].answers == first.exam.sittings[1].answers)
    let bits = result.exam.sittings.map { sitting in sitting.answers.map(\.bits) }
    #expect(Set(bits).count == 3)

    #expect(adapter("") != nil && adapter("") == adapter("dpo/"))
    #expect(adapter("") != adapter("training/"))
    let recipe = try read("dpo/recipe.yaml")
    #expect(recipe.contains("/out/training/adapter\n") && recipe.contains("reference: adapter\n"))
    let line = try #require(try read("answers.jsonl").split(separator: "\n").first)
    let answer = try JSONParser.parse(String(line))
    for name in result.exam.columns { #expect(answer[name]?["bits"]?.double != nil, "\(name)") }
    let report = try read("report.html")
    for part in ["dpo - sft (95 %)", "learned from 8 pairs", "<h1>dpo</h1>"] {
      #expect(report.contains(part), "\(part)")
    }
    #expect(try read("settings.json") == settings)
  }

  @Test func `where no pair is accepted the adapter of the examples is what came of it`()
    async throws
  {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.removeItem(atPath: "\(folder)/out/pairs")
    // The second time is told the same.
    for isTrained in [false, true] {
      var steps: [String] = []
      let result = try await run().run(listener: { event in
        guard case .step(let step, let isFinished) = event else { return }
        steps.append("\(step) \(isFinished)")
      })
      #expect(
        steps == ["data true", "training \(isTrained)", "pairs false", "measuring false"])
      #expect(result.lack?.problem.hasPrefix("found nothing in the documents") == true)
      #expect(result.stages.count == 1 && result.pairs == 0)
      #expect(result.exam.columns == ["before", "after"])
      #expect(adapter("") != nil && adapter("") == adapter("training/"))
      #expect(try read("report.html").contains("There was no DPO: preferences: found nothing"))
    }
  }
}
