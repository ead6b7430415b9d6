import ArgumentParser
import Foundation
import HoneModels
import HoneRecipes
import HoneTraining

/// The options of commands that run a recipe.
struct RunOptions: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A value that wins over the recipe's: training.steps=10. May be given several times.",
      valueName: "key=value"))
  var overrides: [String] = []

  @Option(help: "How many threads compute. (default: as many as there are cores)")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), expected 1 to 256.")
    }
  }

  var threadCount: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }

  /// Reads a recipe and all that it names.
  ///
  /// - Parameter startsRun: whether the run's folder must be free.
  func run(_ file: String, startsRun: Bool = false) async throws -> ChainRun {
    let chain = try UsageError.catching { try RecipeChain.read(file, overrides: overrides) }
    // Large data takes a while to read; nobody wants to hear this after it.
    if startsRun { try chain.expectNoRun() }
    let local = try await ModelReferenceOption.locate(chain.stages[0].model)
    return try ChainRun(
      chain, model: local, threads: threadCount)
  }

  /// The same for a recipe of one run.
  func pipeline(_ file: String) async throws -> Pipeline { try await run(file).pipelines[0] }
}

/// Shows a run on the terminal while it goes.
struct RunDisplay {
  let progress: ProgressReporter
  let json: Bool
  private var stepCount = 0

  init(json: Bool) {
    self.json = json
    progress = ProgressReporter(json ? .silent : isatty(STDERR_FILENO) == 1 ? .bar : .lines)
  }

  mutating func show(_ event: TrainingEvent) {
    if json {
      print(event.line)
      // Who reads the events wants each when it happens.
      fflush(nil)
      return
    }
    switch event {
    case .reference(let reference):
      if !reference.note.isEmpty { note(reference.note) }
      progress.update(
        "reference", completed: reference.completed, total: reference.count, unit: .items("rows"))
    case .stage(let stage):
      note(
        "\nstage \(stage.number) of \(stage.count): \(stage.name)"
          + (stage.isFinished ? ", finished before" : ""))
    case .plan(let plan):
      stepCount = plan.steps
      if plan.startStep > 0 { note("resumed after step \(plan.startStep)") }
    case .step(let step):
      progress.update(
        "training", note: Self.note(of: step.loss, step.metrics), completed: step.step,
        total: stepCount, unit: .items("steps"))
    case .validation(let validation):
      note(
        validation.step == 0
          ? "held-out \(Self.note(of: validation.loss, [])) before training"
          : "held-out \(Self.note(of: validation.loss, validation.metrics)) after step "
            + "\(validation.step)")
    case .checkpoint: break
    case .end: progress.finish()
    }
  }

  /// A loss, and of preferences how many are right and by how much.
  private static func note(of loss: Double, _ metrics: [TrainingEvent.Metric]) -> String {
    func metric(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
    var note = "loss \(loss.fixed(3))"
    if let right = metric("rewards/accuracies"), let margin = metric("rewards/margins") {
      note += ", right \(Int((100 * right).rounded())) %, margin \(margin.fixed(2))"
    }
    return note
  }

  private func note(_ text: String) {
    progress.finish()
    standardError.write(text + "\n")
  }
}
