import ArgumentParser
import Foundation
import HoneFormats
import HoneRecipes

struct Train: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Customises a model as a recipe says.",
    discussion: """
      Writes the adapter, checkpoints, events and a report into the recipe's output folder. Ctrl-C \
      writes a checkpoint first; --resume goes on after the last one, to the same bits. `hone \
      recipes` has recipes to start from, `hone plan` says what a run will take.
      """)

  @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String

  @OptionGroup var options: RunOptions

  @Flag(help: "Go on after the run's last checkpoint.")
  var resume = false

  @Flag(help: "Print the run's events as JSON lines.")
  var json = false

  func run() async throws {
    let pipeline = try await options.pipeline(recipe, startsRun: !resume)
    if !json { standardError.write(pipeline.heading) }
    let result = try Self.run(pipeline, resuming: resume, json: json)
    guard !json else { return }
    print(result.summary(of: pipeline))
    print("\nreport   \(pipeline.folder.path)/report.html")
    print("adapter  \(pipeline.folder.adapterPath)")
    let recipe = pipeline.recipe
    let weights = recipe.weights == .stored ? "" : " --weights \(recipe.weights.rawValue)"
    print(
      "try it   hone chat --model \(recipe.model)\(weights) --adapter \(pipeline.folder.adapterPath)"
    )
  }

  /// Trains; an interruption ends in a checkpoint and exit code 130.
  static func run(_ pipeline: Pipeline, resuming: Bool, json: Bool) throws -> RunResult {
    var display = RunDisplay(json: json)
    let result = try pipeline.run(
      resuming: resuming, isInterrupted: { Task.isCancelled }, listener: { display.show($0) })
    if result.end.reason == .interrupted {
      standardError.write(
        "a checkpoint of step \(result.end.step) is written; --resume goes on after it\n")
      throw CancellationError()
    }
    return result
  }
}

extension Pipeline {
  /// What is about to happen, in two lines.
  var heading: String {
    let objective = recipe.objective.name == "sft" ? "" : " · \(recipe.objective.name)"
    return """
      \(recipe.model) · \(recipe.method.name)\(objective), \(adapter.parameterCount.grouped) trained parameters
      \(train.size)

      """
  }
}

extension RunResult {
  /// Before and after, in a table.
  func summary(of pipeline: Pipeline) -> String {
    var table = Table(("", .left), ("BEFORE", .right), ("AFTER", .right))
    if let loss = heldOutLoss {
      table.add("held-out loss", loss.before.fixed(3), loss.after.fixed(3))
    }
    if let right = preferencesRight {
      table.add(
        "preferences right", right.before.map { "\(Int((100 * $0).rounded())) %" } ?? "",
        "\(Int((100 * right.after).rounded())) %")
    }
    for score in scores {
      table.add(
        score.name, "\(score.before) of \(score.count)", "\(score.after) of \(score.count)")
    }
    let lines = [
      "\(end.step) steps in \(end.seconds.asDuration), memory at most \(end.peakMemory.asBytes)"
    ]
    let isEmpty = heldOutLoss == nil && scores.isEmpty && preferencesRight == nil
    return ((isEmpty ? lines : lines + ["", table.text]) + warnings.map { "\nwarning: \($0)" })
      .joined(separator: "\n")
  }
}

extension Int {
  /// With separators between thousands.
  var grouped: String {
    var digits = String(self)
    var parts: [String] = []
    while digits.count > 3 {
      parts.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return ([digits] + parts).joined(separator: ",")
  }
}
