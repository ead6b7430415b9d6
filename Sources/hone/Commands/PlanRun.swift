import ArgumentParser
import HoneFormats
import HoneRecipes

struct PlanRun: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Says what a recipe will do, how long it takes and how much memory.",
    discussion: "A few steps are computed to measure them, and thrown away. Nothing is written.")

  @Argument(help: "The recipe, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String

  @OptionGroup var options: RunOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let run = try await options.run(recipe)
    let plans = try run.pipelines.map { ($0, try $0.plan()) }
    if json {
      let pages = plans.map { pipeline, plan in (pipeline.recipe.stage ?? "", Self.page(of: plan)) }
      print(
        run.chain.hasStages
          ? JSONValue(["stages": .object(JSONObject(pages))]).page : pages[0].1.page)
      return
    }
    for (index, (pipeline, plan)) in plans.enumerated() {
      if index > 0 { print() }
      if let stage = pipeline.recipe.stage {
        print("stage \(index + 1) of \(plans.count): \(stage)")
      }
      Self.show(plan, of: pipeline)
    }
    guard run.chain.hasStages else { return }
    print("\nall stages  \(plans.reduce(0) { $0 + $1.1.seconds }.asDuration)")
  }

  private static func page(of plan: Plan) -> JSONValue {
    JSONValue([
      "trained_parameters": .integer(plan.trainedParameters), "steps": .integer(plan.steps),
      "steps_per_epoch": .integer(plan.stepsPerEpoch), "tokens": .integer(plan.tokens),
      "peak_memory_bytes": .integer(plan.peakMemory),
      "memory": .object(
        JSONObject(plan.memory.map { ($0.name, .integer($0.bytes)) })),
      "seconds_per_step": .number(plan.secondsPerStep), "seconds": .number(plan.seconds),
      "warnings": .array(plan.warnings.map { .string($0) }),
    ])
  }

  private static func show(_ plan: Plan, of pipeline: Pipeline) {
    print(pipeline.heading, terminator: "")
    var table = Table(("", .left), ("", .right), ("", .left))
    table.add("steps", plan.steps.grouped, "\(plan.stepsPerEpoch.grouped) an epoch")
    table.add("tokens", plan.tokens.grouped, "")
    table.add("a step", "\(plan.secondsPerStep.fixed(2)) s", "measured now")
    table.add("the whole run", plan.seconds.asDuration, "")
    table.add("memory", plan.peakMemory.asBytes, "at its peak")
    for (name, bytes) in plan.memory { table.add("", bytes.asBytes, name) }
    print("\n" + table.text)
    for warning in plan.warnings { print("\nwarning: \(warning)") }
  }
}
