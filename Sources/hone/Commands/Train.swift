import ArgumentParser
import Foundation
import HoneFormats
import HoneRecipes
import HoneTraining

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
    let run = try await options.run(recipe, startsRun: !resume)
    guard !run.chain.hasStages else { return try runStages(run) }
    let pipeline = run.pipelines[0]
    if !json { standardError.write(pipeline.heading) }
    let result = try Self.run(pipeline, resuming: resume, json: json)
    guard !json else { return }
    print(result.summary(of: pipeline))
    Self.printEnd(of: pipeline.recipe, in: pipeline.folder)
  }

  private func runStages(_ run: ChainRun) throws {
    if !json { standardError.write(run.heading) }
    var display = RunDisplay(json: json)
    let result = try run.run(
      resuming: resume, isInterrupted: { Task.isCancelled }, listener: { display.show($0) })
    if result.isInterrupted, let stage = result.stages.last {
      standardError.write(
        "a checkpoint of step \(stage.result.end.step) of \(stage.name) is written; --resume goes on "
          + "after it\n")
      throw CancellationError()
    }
    guard !json else { return }
    print(result.summary)
    Self.printEnd(of: run.chain.stages[run.chain.stages.count - 1], in: run.folder)
  }

  /// Where everything is.
  private static func printEnd(of recipe: Recipe, in folder: RunFolder) {
    print("\nreport   \(folder.path)/report.html")
    print("adapter  \(folder.adapterPath)")
    let weights = recipe.weights == .stored ? "" : " --weights \(recipe.weights.rawValue)"
    let model = "--model \(recipe.model)\(weights) --adapter \(folder.adapterPath)"
    if recipe.objective.givesRewards {
      let data = recipe.data.optionalText("valid") ?? recipe.data.text("train")
      print("try it   hone score \(model) --data \(data)")
    } else {
      print("try it   hone chat \(model)")
    }
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

extension ChainRun {
  /// What is about to happen, a few lines a stage.
  var heading: String {
    pipelines.map { "\($0.recipe.stage ?? ""): \($0.heading)" }.joined()
  }
}

extension ChainRun.Result {
  /// What each stage made of the held-out data, and a few answers side by side.
  var summary: String {
    var table = Table(
      columns: [("", .left)] + comparison.columns.map { ($0.uppercased(), .right) })
    for score in comparison.scores {
      table.add([score.name] + score.right.map { "\($0) of \(score.count)" })
    }
    for share in comparison.likelier {
      table.add(
        ["chosen is likelier (\(share.stage))"]
          + share.values.map { "\(Int((100 * $0).rounded())) %" })
    }
    var parts = stages.map { stage in
      "\(stage.name): \(stage.result.end.step) steps in \(stage.result.end.seconds.asDuration), "
        + "memory at most \(stage.result.end.peakMemory.asBytes)"
    }
    if !comparison.scores.isEmpty || !comparison.likelier.isEmpty { parts += ["", table.text] }
    let width = (comparison.columns.map(\.count).max() ?? 0) + 2
    for stage in stages {
      for answer in comparison.answers.filter({ $0.stage == stage.name }).prefix(3) {
        parts.append("\n\(Quickstart.short(answer.question))")
        for (column, text) in zip(comparison.columns, answer.texts) {
          parts.append(
            "  \(column.padding(toLength: width, withPad: " ", startingAt: 0))"
              + Quickstart.short(text))
        }
      }
    }
    for stage in stages {
      parts += stage.result.warnings.map { "\nwarning: \(stage.name): \($0)" }
    }
    return parts.joined(separator: "\n")
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
