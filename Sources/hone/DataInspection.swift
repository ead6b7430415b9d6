import ArgumentParser
import Foundation
import HoneData
import HoneFormats
import HoneModels
import HoneRecipes
import HoneText

/// What `hone inspect` does with data.
struct DataInspection: ParsableArguments {
  @OptionGroup var model: ModelReferenceOption

  @Option(help: "How a record is laid out. (default: the first record says it)")
  var format: InspectedFormat?

  @Option(help: "Which tokens of examples are learned.")
  var trainOn = TrainOn.assistant

  @Option(help: "The most tokens of a sequence, and of a packed row.")
  var maxTokens = DataOptions().maxTokens

  @Option(help: "What happens to longer examples.")
  var truncation = DataOptions().truncation

  @Option(help: "How many examples are shown.")
  var examples = 3

  func validate() throws {
    guard maxTokens >= 2 else {
      throw ValidationError("--max-tokens is \(maxTokens), expected 2 or more.")
    }
    guard examples >= 0 else {
      throw ValidationError("--examples is \(examples), expected 0 or more.")
    }
  }

  func concerns(_ path: String) -> Bool { RecordSources.looksLikeData(path) }

  func run(_ path: String, json: Bool) async throws {
    // Before a model is fetched for what is not there.
    let source = try RecordSources.open(try DataFolder(path)?.train ?? path)
    let local = try await model.locate()
    let tokenizer = try Tokenizer(local)
    let renderer = try Renderer(tokenizer, ChatFormat(local), trainOn: trainOn)
    // What the first record cannot tell, reading it as an example does.
    let format =
      format
      ?? (try? source.record(0)).flatMap(PreferenceFormat.told(by:))
      .map { .preferences($0) }
    if case .preferences(let format) = format {
      return try show(path, of: format, renderer, json: json)
    }
    var options = DataOptions()
    options.maxTokens = maxTokens
    if case .examples(let format) = format { options.format = format }
    options.truncation = truncation
    func read(_ path: String) throws -> DataSet {
      try DataSet(inspecting: RecordSources.open(path), renderer: renderer, options: options)
    }
    let folder = try DataFolder(path)
    let data = try read(folder?.train ?? path)
    var others: [(name: String, data: DataSet)] = []
    for (name, path) in [("valid", folder?.valid), ("test", folder?.test)] {
      if let path { others.append((name, try read(path))) }
    }
    if json {
      print(self.json(of: data, others).page)
    } else {
      print(page(of: data, others))
      // What cannot be read has no examples to show.
      if data.statistics.sequences > 0 { try show(data, tokenizer) }
    }
    for data in [data] + others.map(\.data) { if let fault = data.fault { throw fault } }
  }

  /// Shows preferences.
  private func show(
    _ path: String, of format: PreferenceFormat, _ renderer: Renderer, json: Bool
  ) throws {
    var options = PreferenceOptions()
    options.maxTokens = maxTokens
    options.truncation = truncation
    options.format = format
    let found = try PreferenceInspection(path, maxTokens: maxTokens) {
      try PreferenceData(
        inspecting: RecordSources.open($0), renderer: renderer, options: options)
    }
    if json {
      print(found.json.page)
    } else {
      print(found.page)
      if examples > 0, found.train.count > 0 {
        print(try found.examples(examples, renderer.tokenizer))
      }
    }
    if let fault = found.faults.first { throw fault }
  }

  // MARK: For people

  private func page(of data: DataSet, _ others: [(name: String, data: DataSet)]) -> String {
    let found = data.statistics
    func share(_ part: Int, _ whole: Int) -> String {
      String(format: "%.1f %%", whole == 0 ? 0 : 100 * Double(part) / Double(whole))
    }
    var facts = Table(("", .left), ("", .left))
    facts.add("path", data.path)
    facts.add("format", data.format.rawValue)
    facts.add("examples", found.examples.grouped)
    if found.sequences != found.examples { facts.add("sequences", found.sequences.grouped) }
    facts.add("tokens", found.tokens.grouped)
    facts.add(
      "trained",
      "\(found.trainedTokens.grouped) (\(share(found.trainedTokens, found.tokens))), "
        + "\(found.endTokens.grouped) of them end tokens")
    facts.add(
      "lengths",
      "\(found.shortest) to \(found.longest), median \(found.median), "
        + "95 % up to \(found.percentile95)")
    facts.add(
      "rows",
      "\(found.rows.grouped) of \(maxTokens) tokens, \(share(found.tokens, found.capacity)) full")
    facts.add("cut", "\(found.truncated.grouped)")
    facts.add(
      "left out",
      "\(found.dropped.grouped) too long, \(found.untrained.grouped) with nothing to learn")
    if found.lostTokens > 0 { facts.add("lost", "\(found.lostTokens.grouped) trained tokens") }
    facts.add("duplicates", found.duplicates.grouped)
    for (name, other) in others {
      facts.add(
        name,
        "\(other.statistics.examples.grouped) examples, "
          + "\(other.sharedExamples(with: data).grouped) of them also trained on")
    }
    return facts.text
  }

  /// Prints the first examples.
  private func show(_ data: DataSet, _ tokenizer: Tokenizer) throws {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    let (opening, closing) = isTerminal ? ("\u{1B}[1;32m", "\u{1B}[0m") : ("⟦", "⟧")
    for index in 0..<min(examples, data.exampleCount) {
      // The faults of examples are the data set's, which is told at the end.
      for sequence in (try? data.sequences(ofExample: index)) ?? [] {
        let last = zip(sequence.ids, sequence.trained).filter(\.1).suffix(8)
          .map { FormatError.quoted(String(decoding: tokenizer.bytes(of: $0.0), as: UTF8.self)) }
        print(
          """

          \(data.place(ofExample: index)): \(sequence.ids.count) tokens, \
          \(sequence.trainedTokenCount) trained, the last \(last.joined(separator: " "))
          \(sequence.text(tokenizer, opening: opening, closing: closing))
          """)
      }
    }
  }

  // MARK: For programs

  private func json(of data: DataSet, _ others: [(name: String, data: DataSet)]) -> JSONValue {
    let found = data.statistics
    var object = JSONObject([
      ("path", .string(data.path)), ("format", .string(data.format.rawValue)),
      ("examples", .integer(found.examples)), ("sequences", .integer(found.sequences)),
      ("tokens", .integer(found.tokens)), ("trained_tokens", .integer(found.trainedTokens)),
      ("end_tokens", .integer(found.endTokens)), ("shortest", .integer(found.shortest)),
      ("median", .integer(found.median)), ("percentile_95", .integer(found.percentile95)),
      ("longest", .integer(found.longest)), ("rows", .integer(found.rows)),
      ("row_tokens", .integer(maxTokens)), ("efficiency", .number(found.efficiency)),
      ("truncated", .integer(found.truncated)), ("dropped", .integer(found.dropped)),
      ("untrained", .integer(found.untrained)), ("lost_tokens", .integer(found.lostTokens)),
      ("duplicates", .integer(found.duplicates)),
    ])
    for (name, other) in others {
      object[name] = JSONValue([
        "examples": .integer(other.statistics.examples),
        "also_trained": .integer(other.sharedExamples(with: data)),
      ])
    }
    object["fault"] = data.fault.map { .string("\($0)") } ?? .null
    return .object(object)
  }
}

/// How records are laid out: examples, or preferences.
enum InspectedFormat: ExpressibleByArgument {
  case examples(ExampleFormat)
  case preferences(PreferenceFormat)

  init?(argument: String) {
    if let format = ExampleFormat(rawValue: argument) {
      self = .examples(format)
    } else if let format = PreferenceFormat(rawValue: argument) {
      self = .preferences(format)
    } else {
      return nil
    }
  }

  static var allValueStrings: [String] {
    ExampleFormat.allCases.map(\.rawValue) + PreferenceFormat.allCases.map(\.rawValue)
  }
}

extension TrainOn: ExpressibleByArgument {}
extension Truncation: ExpressibleByArgument {}
