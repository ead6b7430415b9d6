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
      The limits are measured in the same run. --peers takes the results of Benchmarks/peers/run \
      and prints the ratios to them.
      """)

  @OptionGroup var options: ModelOptions

  @Option(help: "Results of Benchmarks/peers/run, for ratios.")
  var peers: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let local = try await options.locate()
    let start = ContinuousClock.now
    let engine = options.engine
    let loaded = try LanguageModel(local, engine: engine)
    let loading = ContinuousClock.now - start
    let benchmark = Benchmark(loaded, engine: engine)
    let throughput = benchmark.throughput()
    let memory = ProcessMemory.peak
    let kernels = benchmark.kernels()
    let limits = benchmark.limits()
    let ratios = try peers.map { try PeerRatios.read($0, against: throughput) } ?? []
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
          "peers": list(ratios),
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
      ("machine", limits), ("kernels", kernels), ("model", throughput), ("peers", ratios),
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
    table.add("  peak while generating", String(format: "%.0f", Double(memory) / 1e6), "MB", "", "")
    table.add("  loading", String(format: "%.0f", milliseconds), "ms", "", "")
    print(table.text)
  }
}

/// The ratios of what was measured here to what Benchmarks/peers/run measured of others.
enum PeerRatios {
  static func read(_ path: String, against own: [Benchmark.Result]) throws -> [Benchmark.Result] {
    let json = try JSONParser.parse(try TextFile.contents(of: path), file: path)
    guard let results = json["results"]?.array else {
      throw FormatError(file: path, place: "\"results\"", problem: "is missing")
    }
    let names = [
      "prefill": own.first { $0.name.hasPrefix("prefill") },
      "decode": own.first { $0.name == "decode" },
      "decode_8": own.first { $0.name == "decode of 8 together" },
    ]
    return results.compactMap { result in
      guard let peer = result["peer"]?.string, let what = result["what"]?.string,
        let rate = result["tokens_per_second"]?.double, rate > 0, let found = names[what] ?? nil
      else { return nil }
      let compute = result["compute"]?.string.map { " \($0)" } ?? ""
      return Benchmark.Result(
        "\(found.name) over \(peer)\(compute) (\(Int(rate.rounded())) tokens/s)",
        found.value / rate, "x")
    }
  }
}
