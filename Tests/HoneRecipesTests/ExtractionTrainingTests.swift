import Foundation
import HoneData
import HoneSynthesis
import Testing

@testable import HoneRecipes

@Suite struct ExtractionTrainingTests {
  @Test func `what the pipeline writes is trained on as it is: from a passage to its record`()
    async throws
  {
    let folder = NSTemporaryDirectory() + "hone-extraction-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let schema = """
      {"type": "object", "properties": {"kind": {"enum": ["ferry", "barge"]}}, "required": ["kind"]}
      """
    for (name, text) in [
      ("boats.md", "# Boats\n\nThe Aster carries people over the bay.\n"), ("schema.json", schema),
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    let model = try TinyModel.copied(into: folder)
    // Held to the schema, a model of random weights writes records too.
    let extraction = try SynthesisRecipe(
      parsing: """
        pipeline: extraction
        documents: boats.md
        schema: schema.json
        teacher: {max_tokens: 64}
        filters: {hard: none}
        target: {accepted: 1}
        output: records
        """, file: "extraction.yaml", folder: folder, checkingFiles: true)
    let made = try await SynthesisJob(
      extraction, models: .init(teacher: model, reader: model), threads: 1
    ).run(restarts: false, isInterrupted: { false }, listener: { _ in })
    #expect(made.funnel.accepted == 1)

    let recipe = try Recipe(
      parsing: """
        model: \(model.path)
        method: {lora: {rank: 4}}
        data: {train: records/accepted.jsonl}
        training: {steps: 2}
        output: run
        """, file: "training.yaml", folder: folder, checkingFiles: true)
    let pipeline = try Pipeline(recipe, model: model, threads: 1)
    let data = try pipeline.train.texts()
    #expect(data.format == .messages)
    let question = try #require(try data.question(0))
    #expect(question.text == "Boats\n\nThe Aster carries people over the bay.")
    #expect([#"{"kind": "ferry"}"#, #"{"kind": "barge"}"#].contains(question.answer))
    let sequence = try #require(try data.sequences(ofExample: 0).first)
    let learned = zip(sequence.ids, sequence.trained).filter { $0.1 }.map { $0.0 }
    #expect(
      pipeline.model.tokenizer.decode(learned, skippingSpecialTokens: true)
        .hasPrefix(question.answer))
    #expect(try pipeline.run().end.reason == .completed)
  }
}
