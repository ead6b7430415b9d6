import ArgumentParser
import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneGeneration
import HoneModels
import HoneRecipes
import HoneTraining

struct Score: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints how likely a model finds a text, or what a reward model gives answers.",
    discussion: """
      --file has a text. With --json: {"ids": [...], "logprobs": [...]}, the natural logarithm of \
      each token's probability given those before it, one fewer than the ids.

      --data has preferences, and --adapter a reward model, trained with `objective: reward`. With \
      --json a line a row: {"row": ..., "chosen": 1.25, "rejected": -0.5}, or {"row": ..., \
      "reward": 1.25, "label": true} for single answers.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var adapters: AdapterOptions

  @Option(help: "A file with the text.")
  var file: String?

  @Option(help: "Preferences, for a reward model (.jsonl, .json, .csv, or a folder of them).")
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The most tokens of a prompt with an answer; longer ones lose the answer's end.",
      valueName: "count"))
  var maxTokens = 512

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard (file == nil) != (data == nil) else {
      throw ValidationError("Give one of --file and --data.")
    }
    if data != nil, adapters.adapter.count != 1 {
      throw ValidationError("--data is scored by one --adapter, a reward model.")
    }
    if !(2...1_048_576).contains(maxTokens) {
      throw ValidationError("--max-tokens is \(maxTokens), expected 2 to 1048576.")
    }
  }

  func run() async throws {
    if let data { try await score(data) } else if let file { try await score(file: file) }
  }

  // MARK: Rewards

  private func score(_ data: String) async throws {
    let local = try await model.locate()
    let engine = model.engine
    let loaded = try model.load(local, engine: engine)
    let reward = try RewardModel.load(adapters.adapter[0], for: loaded, engine: engine)
    var options = PreferenceOptions()
    options.maxTokens = min(maxTokens, loaded.spec.room(after: reward.positionsAhead))
    options.truncationLimit = 1
    let preferences = try PreferenceData(data, renderer: Renderer(loaded), options: options)
    let progress = ProgressReporter(json: json)
    defer { progress.finish() }
    let rewards = try RewardPreference.rewards(
      of: preferences, decoder: loaded.decoder, model: reward, engine: engine
    ) { rows in
      progress.update(
        "scoring", completed: rows, total: preferences.count, unit: .items("rows"))
      try Task.checkCancellation()
    }
    progress.finish()
    if json {
      for (index, row) in rewards.enumerated() {
        let place = ("row", JSONValue.string(preferences.place(of: index)))
        let members: [(String, JSONValue)] =
          preferences.isPaired
          ? [place, ("chosen", .number(Double(row[0]))), ("rejected", .number(Double(row[1])))]
          : [
            place, ("reward", .number(Double(row[0]))),
            ("label", .bool(try preferences.example(index).isDesirable)),
          ]
        print(JSONValue.object(JSONObject(members)).line)
      }
      return
    }
    let sides = try Self.sides(rewards, of: preferences)
    var table = Table((heading: "", .left), (heading: "", .right))
    table.add(preferences.isPaired ? "pairs" : "answers", preferences.count.grouped)
    if preferences.statistics.skipped > 0 {
      table.add("left out", preferences.statistics.skipped.grouped)
    }
    if preferences.isPaired {
      let right = rewards.count { $0[0] > $0[1] }
      table.add("right", "\(right.grouped), \(100 * right / max(1, rewards.count)) %")
    }
    for (name, values) in sides where !values.isEmpty {
      table.add("\(name), mean", String(format: "%.3f", Self.mean(values)))
    }
    if let first = sides.first?.values, let last = sides.last?.values, !first.isEmpty,
      !last.isEmpty
    {
      table.add("margin", String(format: "%.3f", Self.mean(first) - Self.mean(last)))
    }
    print(table.text)
  }

  /// The rewards of the better answers, and of the worse ones.
  private static func sides(
    _ rewards: [[Float]], of data: PreferenceData
  ) throws -> [(name: String, values: [Float])] {
    guard !data.isPaired else {
      return [("chosen", rewards.map { $0[0] }), ("rejected", rewards.map { $0[1] })]
    }
    let labels = try rewards.indices.map { try data.example($0).isDesirable }
    func values(_ label: Bool) -> [Float] {
      zip(rewards, labels).filter { $1 == label }.map { $0.0[0] }
    }
    return [("good", values(true)), ("bad", values(false))]
  }

  private static func mean(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) } / Double(values.count)
  }

  // MARK: A text

  private func score(file: String) async throws {
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
