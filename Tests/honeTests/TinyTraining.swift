import Foundation
import HoneFormats
import Testing

/// A folder with a recipe, data, and a tiny model to train.
struct TinyTraining {
  let folder: TemporaryFolder
  let recipe: String

  var path: String { folder.path }
  var run: String { "\(path)/run" }

  /// - Parameters:
  ///   - training: keys of the recipe's section, without its braces.
  ///   - lines: of train.jsonl; conversations about sums where they are not given.
  init(_ training: String, lines: [String]? = nil) throws {
    folder = try TemporaryFolder()
    let sums = (0..<40).map {
      Self.example("What is \($0) and \($0 % 7)?", "It is \($0 + $0 % 7).")
    }
    _ = try folder.write((lines ?? sums).joined(separator: "\n") + "\n", to: "train.jsonl")
    _ = try folder.write(sums[..<4].joined(separator: "\n") + "\n", to: "valid.jsonl")
    recipe = try folder.write(
      """
      model: \(PackageFiles.tinyModel("tied"))
      method: {lora: {rank: 4, alpha: 8, dropout: 0.1}}
      data: {train: train.jsonl, valid: valid.jsonl, max_tokens: 96}
      training: {\(training)}
      output: run

      """, to: "recipe.yaml")
  }

  static func example(_ question: String, _ answer: String) -> String {
    JSONValue.object(
      JSONObject([
        (
          "messages",
          .array(
            [("user", question), ("assistant", answer)].map { role, text in
              .object(JSONObject([("role", .string(role)), ("content", .string(text))]))
            })
        )
      ])
    ).text(.compact)
  }

  /// `hone train` with what else is said.
  func train(_ more: [String]) throws -> Program.Outcome {
    try Program.run(["train", recipe, "--threads", "1"] + more)
  }

  func train(_ more: String...) throws -> Program.Outcome { try train(more) }

  /// The run in parts of its folder: what is there of it now.
  func contents(of name: String) -> Data? { FileManager.default.contents(atPath: "\(run)/\(name)") }

  var adapter: Data? { contents(of: "adapter/adapter_model.safetensors") }

  /// The names of the files in the training's folder, with those inside its folders.
  var files: [String] {
    (FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []).sorted()
  }

  /// Steps that have a checkpoint, ascending; each is read in full.
  func checkpoints() throws -> [Int] {
    let folder = "\(run)/checkpoints"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return try names.filter { $0.hasPrefix("step-") }.map { name in
      let file = try SafetensorsFile(path: "\(folder)/\(name)/state.safetensors")
      let step = try #require(Int(name.dropFirst("step-".count)))
      #expect(file.metadata["step"] == String(step))
      let adapter = try SafetensorsFile(path: "\(folder)/\(name)/adapter/adapter_model.safetensors")
      #expect(adapter.tensors.count == 2 * 7 * 2)
      return step
    }.sorted()
  }

  /// The steps that the log tells of, in its order.
  func loggedSteps() throws -> [Int] {
    let text = try String(contentsOfFile: "\(run)/events.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").compactMap { line in
      let event = try JSONParser.parse(String(line))
      return event["event"]?.string == "step" ? event["step"]?.integer : nil
    }
  }
}
