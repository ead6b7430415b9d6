import ArgumentParser
import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors

struct Merge: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes one model of a base and its adapters, or one adapter of several.",
    discussion: """
      Writes a folder in Hugging Face layout: weights, configuration, tokenizer and chat template, \
      from a GGUF base too. The result is read back and compared on a text; where it does not \
      compute what base and adapters compute, nothing is written.

      With --into adapter, LoRAs become one LoRA. Strategies:

      \(strategies)
      """)

  private static var strategies: String {
    var table = Table(("", .left), ("", .left))
    for strategy in CombiningStrategies.all { table.add("  " + strategy.name, strategy.summary) }
    return table.text(width: 78)
  }

  /// What is written.
  enum Product: String, ExpressibleByArgument, CaseIterable { case model, adapter }

  @OptionGroup var model: ModelOptions

  @Option(
    help: ArgumentHelp(
      """
      A folder with an adapter, and how much of it counts (1 where that is left out); may be given \
      several times.
      """, valueName: "folder[=weight]"))
  var adapter: [WeightedAdapter]

  @Option(help: ArgumentHelp("How adapters become one.", valueName: "name"))
  var strategy = CombiningStrategies.all[0].name

  @Option(help: "The share of each matrix's numbers that stays. (default: 0.5)")
  var density: Double?

  @Option(help: "What decides between signs: total or frequency. (default: total)")
  var majoritySignMethod: String?

  @Option(help: "The rank that svd leaves. (default: the largest of the adapters')")
  var rank: Int?

  @Option(help: "What decides random numbers. (default: 1)")
  var seed: Int?

  @Option(help: "What to write: a model or an adapter.")
  var into = Product.model

  @Option(help: ArgumentHelp("The folder to write, new or empty.", valueName: "folder"))
  var out: String

  @Option(help: "How a model's weights are stored: bf16, f16 or f32.")
  var format: ModelMerge.Format = .bf16

  @Option(help: "A file with the text on which the models are compared.")
  var probe: String?

  @Flag(help: "Print the report as JSON.")
  var json = false

  func validate() throws {
    if let density, !density.isFinite {
      throw ValidationError("--density is \(density), expected a number.")
    }
  }

  func run() async throws {
    let (strategy, settings) = try UsageError.catching {
      let strategy = try CombiningStrategies.named(self.strategy)
      return (strategy, try strategy.values(given))
    }
    let faults = adapter.filter { !$0.weight.isFinite }
    guard faults.isEmpty else {
      throw UsageError(
        description: "--adapter \(faults.map(\.path).joined(separator: ", ")): the weight after = "
          + "is no finite number; it looks like --adapter \(faults[0].path)=0.5")
    }
    let probe = try probe.map(TextFile.contents)
    let local = try await model.locate()
    let engine = model.engine
    let loaded = try model.load(local, engine: engine)
    let adapters = try adapter.map {
      (
        name: $0.path, adapter: try AdapterFolder.load($0.path, for: loaded, engine: engine),
        weight: $0.weight
      )
    }
    // The sum of adapters needs no LoRA: any that can be merged are added up.
    guard into == .adapter || strategy.name != CombiningStrategies.all[0].name else {
      return try merge(
        adapters.map(\.adapter), weights: adapters.map(\.weight), into: loaded, probe: probe,
        engine: engine)
    }
    let combined = try LoRA.combined(
      adapters, strategy: strategy, settings, for: loaded, engine: engine)
    if into == .model {
      return try merge([combined.adapter], weights: [1], into: loaded, probe: probe, engine: engine)
    }
    try AdapterFolder.expectNothing(in: out)
    try AdapterFolder.save(combined.adapter, to: out, base: model.reference.model)
    report(combined)
  }

  /// The strategy's settings among the options.
  private var given: JSONObject {
    JSONObject(
      [
        density.map { ("density", .number($0)) },
        majoritySignMethod.map { ("majority_sign_method", .string($0)) },
        rank.map { ("rank", .integer($0)) }, seed.map { ("seed", .integer($0)) },
      ].compactMap { $0 })
  }

  private func merge(
    _ adapters: [any TrainableAdapter], weights: [Double], into model: LanguageModel,
    probe: String?, engine: Engine
  ) throws {
    let progress = ProgressReporter(json: false)
    let report: MergeReport
    do {
      defer { progress.finish() }
      report = try ModelMerge(model, adapters: adapters, weights: weights, engine: engine)
        .write(to: out, format: format, probe: probe) { step, completed, total in
          progress.update(step, completed: completed, total: total, unit: .items("tensors"))
        }
    }
    if json {
      print(
        JSONValue([
          "path": .string(out), "format": .string(format.rawValue),
          "positions": .integer(report.positions),
          "largest_difference": .number(report.largestDifference),
          "mean_difference": .number(report.meanDifference),
          "top_agreement": .number(report.topAgreement),
          "mean_change": .number(report.meanChange), "deviation": .number(report.deviation),
        ]).line)
    } else {
      print("\(out): written in \(format.rawValue); \(report)")
    }
  }

  private func report(_ combined: CombinedLoRA) {
    if json {
      print(
        JSONValue([
          "path": .string(out), "strategy": .string(strategy), "rank": .integer(combined.rank),
          "projections": .integer(combined.projectionCount),
          "residual": .number(combined.residual),
        ]).line)
    } else {
      let cut =
        combined.residual > 0
        ? String(format: "; %.2f %% of the sum are left out", 100 * combined.residual) : ""
      print(
        "\(out): a LoRA of rank \(combined.rank) at \(combined.projectionCount) projections, made "
          + "by \(strategy)\(cut)")
    }
  }
}

extension ModelMerge.Format: ExpressibleByArgument {}
