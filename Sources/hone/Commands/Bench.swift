import ArgumentParser
import Foundation
import HoneFormats
import HoneGeneration
import HoneKernels
import HoneModels
import HoneTensors

struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures a model's speed, and the kernels against the machine's limits.",
    discussion: """
      The limits are measured in the same run. Benchmarks/peers/run measures Hone and others in turn.
      """)

  @OptionGroup var options: ModelOptions

  enum Part: String, CaseIterable, ExpressibleByArgument {
    case model, kernels
  }

  @Option(help: "Measure one part alone.")
  var only: Part?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let local = try await options.locate()
    let start = ContinuousClock.now
    let engine = options.engine
    let loaded = try options.load(local, engine: engine)
    let loading = ContinuousClock.now - start
    let benchmark = Benchmark(loaded, engine: engine)
    let throughput = only == .kernels ? [] : benchmark.throughput()
    let memory = ProcessMemory.peak
    let kernels = only == .model ? [] : benchmark.kernels()
    let limits = only == .model ? [] : benchmark.limits()
    let milliseconds =
      Double(loading.components.seconds) * 1e3 + Double(loading.components.attoseconds) / 1e15

    if json {
      func list(_ results: [Benchmark.Result]) -> JSONValue {
        .array(
          results.map { result in
            var object = JSONObject([
              ("name", .string(result.name)), ("value", .number(result.value)),
              ("unit", .string(result.unit)),
            ])
            if let share = result.share {
              object["share"] = .number(share)
              object["share_of"] = .string(result.limit)
            }
            return .object(object)
          })
      }
      print(
        JSONValue([
          "model": .string(options.reference.model),
          "threads": .integer(engine.threads.threadCount),
          "isa": .string(String(cString: hk_isa_name(hk_isa_current()))),
          "compute": .string(engine.compute.rawValue), "limits": list(limits),
          "kernels": list(kernels), "model_speed": list(throughput),
          "load_milliseconds": .number(milliseconds), "peak_memory_bytes": .integer(memory),
        ]).page)
      return
    }
    print(
      """
      \(options.reference.model) · \(engine.threads.threadCount) threads · \
      \(String(cString: hk_isa_name(hk_isa_current()))) · compute \(engine.compute.rawValue)

      """)
    var table = Table(
      (heading: "", .left), (heading: "", .right), (heading: "", .left), (heading: "", .right),
      (heading: "", .left))
    for (title, results) in [
      ("machine", limits), ("kernels", kernels), ("model", throughput),
    ] where !results.isEmpty {
      table.add(title, "", "", "", "")
      for result in results {
        table.add(
          "  " + result.name, String(format: result.value < 20 ? "%.2f" : "%.0f", result.value),
          result.unit, result.share.map { String(format: "%.0f %%", 100 * $0) } ?? "",
          result.share == nil ? "" : "of \(result.limit)")
      }
    }
    table.add("memory", "", "", "", "")
    table.add(
      "  peak, 512 tokens at once", String(format: "%.0f", Double(memory) / 1e6), "MB", "", "")
    table.add("  loading", String(format: "%.0f", milliseconds), "ms", "", "")
    print(table.text)
  }
}
