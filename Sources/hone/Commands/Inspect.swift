import ArgumentParser
import Foundation
import HoneFormats
import HoneModels
import HoneStore

struct Inspect: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what a model's files, or training data, hold.",
    discussion: """
      Of a GGUF file, a folder in Hugging Face layout, a lone .safetensors file, or any model that \
      `hone pull` takes. Also of models that Hone cannot run.

      Of data (.jsonl, .json, .csv, .txt, .md, or a folder of them): what a model would learn from \
      it, counted, and the first examples with the learned tokens coloured, or in ⟦ ⟧ where the \
      output is no terminal. Preferences are shown as such, with what was left out and what else \
      speaks against them. Data that is unfit for training ends with exit code 1.
      """)

  @Argument(help: ArgumentHelp("The model or data.", valueName: "path"))
  var path: String

  @OptionGroup(title: "Options for data") var data: DataInspection

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    if data.concerns(path) { return try await data.run(path, json: json) }
    let reference = try UsageError.catching { try ModelReference(parsing: path) }
    var local = path
    var known: KnownModel?
    // A lone safetensors file can be looked at, though it is no model to run.
    if !path.lowercased().hasSuffix(".safetensors") {
      let progress = ProgressReporter(json: false)
      defer { progress.finish() }
      local = try await ModelStore().locate(reference, listener: progress.transferListener).path
      if case .named(let model) = reference { known = model }
    }
    var summary = try ModelSummary(path: local)
    summary.licence = summary.licence ?? known?.licence
    print(json ? Self.json(of: summary).page : Self.page(of: summary))
  }

  // MARK: For people

  private static func page(of summary: ModelSummary) -> String {
    var facts = Table(("", .left), ("", .left))
    facts.add("path", summary.path)
    facts.add("format", "\(summary.format), \(summary.byteCount.asBytes)")
    if let name = summary.name { facts.add("name", name) }
    if let family = summary.family {
      facts.add(
        "family", family + (summary.isRunnable ? ", runs here" : ", not one that Hone runs"))
    }
    if let quantization = summary.quantization {
      facts.add("quantised", "\(quantization): Hone reads folders in full precision")
    }
    let shape = [
      summary.layerCount.map { "\($0) layers" }, summary.hiddenSize.map { "hidden \($0)" },
      summary.intermediateSize.map { "feed-forward \($0)" },
      summary.headCount.map { "heads \($0)" },
      summary.keyValueHeadCount.map { "key-value heads \($0)" },
      summary.headDimension.map { "head size \($0)" },
      experts(of: summary),
    ].compactMap { $0 }
    if !shape.isEmpty { facts.add("shape", shape.joined(separator: ", ")) }
    let context = [
      summary.contextLength.map { "\($0) tokens" }, summary.window.map { "window \($0)" },
      summary.rotaryBase.map { "rotary base \(String(format: "%.9g", $0))" },
    ].compactMap { $0 }
    if !context.isEmpty { facts.add("context", context.joined(separator: ", ")) }
    if let size = summary.vocabularySize {
      let head = summary.tiesHead.map { $0 ? ", tied head" : ", own head" } ?? ""
      facts.add("vocabulary", "\(size) tokens\(head)")
    }
    facts.add("tokenizer", summary.tokenizer ?? "none")
    let tokens = summary.tokens.map { name, value in "\(name) \(value.line)" }
    if !tokens.isEmpty { facts.add("", tokens.joined(separator: ", ")) }
    let templates = summary.templates.sorted { $0.key < $1.key }
      .map { "\($0.key), \($0.value.asBytes)" }
    facts.add("template", templates.isEmpty ? "none" : templates.joined(separator: "; "))
    facts.add("licence", summary.licence ?? "not stated")
    let tables = [table(of: summary), "", groups(of: summary)]
    return ([facts.text] + (summary.storage.isEmpty ? [] : [""] + tables))
      .joined(separator: "\n")
  }

  private static func experts(of summary: ModelSummary) -> String? {
    guard let count = summary.expertCount else { return nil }
    guard let used = summary.usedExpertCount else { return "\(count) experts" }
    return "\(count) experts, \(used) a token"
  }

  private static func table(of summary: ModelSummary) -> String {
    var table = Table(
      ("TYPE", .left), ("TENSORS", .right), ("PARAMETERS", .right), ("SIZE", .right),
      ("BITS", .right))
    func add(_ name: String, _ storage: [ModelSummary.Storage]) {
      let elements = storage.reduce(0) { $0 + $1.elementCount }
      let bytes = storage.reduce(0) { $0 + $1.byteCount }
      table.add(
        name, "\(storage.reduce(0) { $0 + $1.tensorCount })", elements.asCount, bytes.asBytes,
        String(format: "%.2f", elements == 0 ? 0 : 8 * Double(bytes) / Double(elements)))
    }
    for storage in summary.storage { add(storage.type, [storage]) }
    if summary.storage.count > 1 { add("all", summary.storage) }
    return table.text
  }

  private static func groups(of summary: ModelSummary) -> String {
    var table = Table(
      ("TENSOR", .left), ("TYPE", .left), ("SHAPE", .right), ("COUNT", .right), ("LAYERS", .left))
    for group in summary.tensorGroups {
      table.add(
        group.name, group.type, group.shape.map(String.init).joined(separator: "x"),
        "\(group.tensorCount)", ranges(of: group.layers))
    }
    return table.text
  }

  /// `0-4, 7` of rising numbers.
  private static func ranges(of numbers: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = runs.last, last.upperBound + 1 == number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ", ")
  }

  // MARK: For programs

  private static func json(of summary: ModelSummary) -> JSONValue {
    func integer(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
    func string(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    let storage = summary.storage.map {
      JSONValue([
        "type": .string($0.type), "tensors": .integer($0.tensorCount),
        "parameters": .integer($0.elementCount), "bytes": .integer($0.byteCount),
      ])
    }
    let tensors = summary.tensorGroups.map { group in
      JSONValue([
        "name": .string(group.name), "type": .string(group.type),
        "shape": .array(group.shape.map { .integer($0) }), "count": .integer(group.tensorCount),
        "layers": .array(group.layers.map { .integer($0) }),
      ])
    }
    let templates = summary.templates.sorted { $0.key < $1.key }
      .map { ($0.key, JSONValue.integer($0.value)) }
    return JSONValue([
      "path": .string(summary.path), "format": .string(summary.format),
      "bytes": .integer(summary.byteCount), "name": string(summary.name),
      "family": string(summary.family), "runs": .bool(summary.isRunnable),
      "quantization": string(summary.quantization),
      "parameters": .integer(summary.elementCount), "layers": integer(summary.layerCount),
      "hidden_size": integer(summary.hiddenSize),
      "intermediate_size": integer(summary.intermediateSize),
      "heads": integer(summary.headCount), "key_value_heads": integer(summary.keyValueHeadCount),
      "head_dimension": integer(summary.headDimension),
      "experts": integer(summary.expertCount), "experts_used": integer(summary.usedExpertCount),
      "context_length": integer(summary.contextLength), "window": integer(summary.window),
      "rotary_base": summary.rotaryBase.map { .number($0) } ?? .null,
      "vocabulary_size": integer(summary.vocabularySize),
      "ties_head": summary.tiesHead.map { .bool($0) } ?? .null,
      "tokenizer": string(summary.tokenizer), "tokens": .object(summary.tokens),
      "template_bytes": .object(JSONObject(templates)), "licence": string(summary.licence),
      "storage": .array(storage), "tensors": .array(tensors),
    ])
  }
}
