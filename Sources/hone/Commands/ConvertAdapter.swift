import ArgumentParser
import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors

struct ConvertAdapter: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert-adapter",
    abstract: "Writes an adapter in another format, or as a LoRA.",
    discussion: """
      With --format, the same adapter for peft or for AdapterHub's adapters, exactly; bottleneck, \
      ia3, lora and prefix_tuning have a form there.

      With --to lora, the nearest LoRA of a rank, for programs that know nothing else; what it leaves \
      out of each matrix is said. Any method that can be merged and changes no biases and norms can \
      become one.
      """)

  /// Whose folder is written.
  enum Format: String, ExpressibleByArgument, CaseIterable { case peft, adapters }

  @OptionGroup var model: ModelOptions

  @Option(help: ArgumentHelp("A folder with an adapter of the model.", valueName: "folder"))
  var adapter: String

  @Option(help: ArgumentHelp("The folder to write, new or empty.", valueName: "folder"))
  var out: String

  @Option(help: ArgumentHelp("The method to convert to: lora.", valueName: "method"))
  var to: String?

  @Option(help: "The LoRA's rank.")
  var rank = 16

  @Option(help: "Whose format to write; peft where it is not said.")
  var format: Format?

  @Option(help: "A file with the text on which both are compared.")
  var probe: String?

  @Flag(help: "Print the report as JSON.")
  var json = false

  func validate() throws {
    guard (1...65536).contains(rank) else {
      throw ValidationError("--rank is \(rank), expected 1 to 65536.")
    }
  }

  func run() async throws {
    if let to {
      let method = try UsageError.catching { try AdapterMethods.named(to) }
      guard method.name == LoRA.method.name else {
        throw UsageError(
          description: "--to \(to): nothing can be converted to \(to); expected lora")
      }
    } else if format == nil {
      throw UsageError(description: "there is nothing to do; give --to lora, --format, or both")
    }
    let probe = try probe.map(TextFile.contents)
    try AdapterFolder.expectNothing(in: out)
    let local = try await model.locate()
    let engine = model.engine
    let loaded = try model.load(local, engine: engine)
    let original = try AdapterFolder.load(adapter, for: loaded, engine: engine)
    let nearest = try to.map { _ in
      try LoRA.nearest(to: original, rank: rank, of: adapter, model: loaded, engine: engine)
    }
    let written = nearest?.adapter ?? original
    let isBottleneck = written.methodName == "bottleneck"
    if format == .peft && isBottleneck {
      throw AdapterError(adapter, problem: "is bottleneck, which peft does not have")
    }
    if format == .adapters {
      try AdapterFolder.saveForAdapterHub(
        written, to: out, of: loaded, subject: adapter, base: model.reference.model)
    } else {
      try AdapterFolder.save(written, to: out, base: model.reference.model)
    }
    let again = try AdapterFolder.load(out, for: loaded, engine: engine)
    let report = try MergeReport(
      again, madeOf: original, on: loaded, probe: probe, engine: engine)
    if nearest == nil, let fault = report.fault {
      try? FileManager.default.removeItem(atPath: out)
      throw AdapterError(out, problem: "is not written: \(fault)")
    }
    print(json ? self.json(nearest, report).line : text(nearest, written, report))
  }

  private func text(
    _ nearest: NearestLoRA?, _ written: any TrainableAdapter, _ report: MergeReport
  ) -> String {
    var parts = ["\(out): \(written.methodName) in the format of \((format ?? .peft).rawValue)"]
    if let nearest {
      parts[0] += ", rank \(rank) at \(nearest.residuals.count) projections"
      var words = "leaves out \(Self.percent(nearest.residual)) of the change"
      if let worst = nearest.residuals.max(by: { $0.share < $1.share }), nearest.residual > 1e-5 {
        words += ", most at \(worst.path), \(Self.percent(worst.share))"
      }
      parts.append(words)
    }
    return (parts + ["\(report)"]).joined(separator: "; ")
  }

  private static func percent(_ share: Double) -> String {
    String(format: "%.3g %%", 100 * share)
  }

  private func json(_ nearest: NearestLoRA?, _ report: MergeReport) -> JSONValue {
    JSONValue([
      "path": .string(out), "format": .string((format ?? .peft).rawValue),
      "residual": nearest.map { .number($0.residual) } ?? .null,
      "residuals": nearest.map { nearest in
        .object(JSONObject(nearest.residuals.map { ($0.path, .number($0.share)) }))
      } ?? .null,
      "largest_difference": .number(report.largestDifference),
      "mean_difference": .number(report.meanDifference),
      "top_agreement": .number(report.topAgreement), "mean_change": .number(report.meanChange),
      "deviation": .number(report.deviation), "positions": .integer(report.positions),
    ])
  }
}
