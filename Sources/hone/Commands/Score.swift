import ArgumentParser
import Foundation
import HoneFormats
import HoneGeneration
import HoneModels

struct Score: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints how likely a model finds a text.",
    discussion: """
      With --json: {"ids": [...], "logprobs": [...]}, the natural logarithm of each token's \
      probability given those before it, one fewer than the ids.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var adapters: AdapterOptions

  @Option(help: "A file with the text.")
  var file: String

  @Flag(help: "Print ids and log-probabilities as JSON.")
  var json = false

  func run() async throws {
    let text = try TextFile.contents(of: file)
    let local = try await model.locate()
    let engine = model.engine
    let loaded = try model.load(local, engine: engine)
    let adapter = try adapters.load(for: loaded, engine: engine).together
    let ids = loaded.tokenizer.encode(text)
    let scores = try Generator(loaded, adapter: adapter, engine: engine).score(ids)
    if json {
      print(
        JSONValue([
          "ids": .array(ids.map { .integer(Int($0)) }),
          "logprobs": .array(scores.map { .number(Double($0)) }),
        ]).line)
      return
    }
    let total = scores.reduce(0) { $0 + Double($1) }
    let bytes = text.utf8.count
    var table = Table((heading: "", .left), (heading: "", .right))
    table.add("tokens", "\(ids.count)")
    table.add("log-probability", String(format: "%.3f", total))
    if !scores.isEmpty {
      table.add("perplexity", String(format: "%.3f", exp(-total / Double(scores.count))))
      table.add("bits a byte", String(format: "%.3f", -total / Double(bytes) / log(2)))
    }
    print(table.text)
  }
}
