import ArgumentParser
import Foundation
import HoneAdapters
import HoneFormats
import HoneModels

struct Merge: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes one model of a base and its adapter.",
    discussion: """
      Writes a folder in Hugging Face layout: weights, configuration, tokenizer and chat template, \
      from a GGUF base too. The result is read back and compared on a text; where it does not \
      compute what base and adapter compute, nothing is written.
      """)

  @OptionGroup var model: ModelOptions

  @Option(
    help: ArgumentHelp(
      "A folder with an adapter; may be given several times, they are added up.",
      valueName: "folder"))
  var adapter: [String]

  @Option(help: ArgumentHelp("The folder to write, new or empty.", valueName: "folder"))
  var out: String

  @Option(help: "How the weights are stored: bf16, f16 or f32.")
  var format: ModelMerge.Format = .bf16

  @Option(help: "A file with the text on which the models are compared.")
  var probe: String?

  @Flag(help: "Print the report as JSON.")
  var json = false

  func run() async throws {
    let probe = try probe.map(TextFile.contents)
    let local = try await model.locate()
    let engine = model.engine
    let loaded = try model.load(local, engine: engine)
    let adapters = try adapter.map {
      try AdapterFolder.load($0, for: loaded, engine: engine)
    }
    let progress = ProgressReporter(json: false)
    let report: MergeReport
    do {
      defer { progress.finish() }
      report = try ModelMerge(loaded, adapters: adapters, engine: engine)
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
}

extension ModelMerge.Format: ExpressibleByArgument {}
