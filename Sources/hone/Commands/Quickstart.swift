import ArgumentParser
import Foundation
import HoneFormats
import HoneRecipes

struct Quickstart: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Customises a small model on a shipped example, and shows before and after.",
    discussion: """
      Fetches SmolLM2-135M-Instruct once (98 MB), writes the example (questions to the desk of a \
      company that does not exist) into a folder, and trains an adapter on it in a few minutes.
      """)

  @Option(
    help: ArgumentHelp("The folder to write, which must be new.", valueName: "folder"),
    completion: .directory)
  var out = "hone-quickstart"

  @OptionGroup var options: RunOptions

  func run() async throws {
    let entry = RecipeCatalog.quickstart
    try NewFolder.make(out)
    for file in entry.files {
      let target = "\(out)/\(file.name)"
      // What is there may be the user's own by now; it is trained on, not replaced.
      guard !FileManager.default.fileExists(atPath: target) else { continue }
      try AtomicFile.write(file.bytes, to: target)
    }
    let pipeline = try await options.pipeline("\(out)/recipe.yaml")
    standardError.write(pipeline.heading)
    let resumes = !pipeline.folder.checkpointSteps.isEmpty
    let result = try Train.run(pipeline, resuming: resumes, json: false)
    print(result.summary(of: pipeline))
    for answer in Self.chosen(result.answers) {
      print("\n\(answer.question)")
      print("  before  \(Self.short(answer.before))")
      print("  after   \(Self.short(answer.after))")
    }
    print(
      """

      report   \(pipeline.folder.path)/report.html
      try it   hone chat --model \(pipeline.recipe.model) --adapter \(pipeline.folder.adapterPath)
      """)
  }

  /// Five answers of different kinds: spread over the questions.
  private static func chosen(_ answers: [RunResult.Answer]) -> [RunResult.Answer] {
    guard answers.count > 5 else { return answers }
    return (0..<5).map { answers[$0 * (answers.count - 1) / 4] }
  }

  static func short(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return line.count > 100 ? line.prefix(97) + "..." : line
  }
}
