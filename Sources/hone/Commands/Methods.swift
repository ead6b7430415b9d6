import ArgumentParser
import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneRecipes
import HoneTensors

struct Methods: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the ways of adapting a model, or explains one.",
    discussion: """
      With --model, each method's default settings are counted on that model: trained parameters, \
      the size of the adapter's files, and the memory that training keeps beside the model and its \
      activations (the adapter, its gradient, and two moments of AdamW).
      """)

  @Argument(help: ArgumentHelp("The method to explain.", valueName: "method"))
  var name: String?

  @Option(help: "Count on this model: a folder, a .gguf file, or anything that `hone pull` takes.")
  var model: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    let methods = try name.map { name in
      [try UsageError.catching { try AdapterMethods.named(name) }]
    }
    let counted = try await count(methods ?? AdapterMethods.all)
    if json {
      let list = counted.map { Self.json(of: $0, withSettings: methods != nil) }
      print((methods == nil ? JSONValue.array(list) : list[0]).page)
    } else if methods != nil {
      print(Self.page(of: counted[0]))
    } else {
      print(Self.table(of: counted, model: model))
    }
  }

  // MARK: Counting

  /// A method, and what it comes to on a model where there is one.
  private struct Counted {
    var method: AdapterMethod
    var figures: MethodFigures?
    /// Why there are no figures.
    var fault: String?
  }

  private func count(_ methods: [AdapterMethod]) async throws -> [Counted] {
    guard let model else { return methods.map { Counted(method: $0) } }
    let local = try await ModelReferenceOption.locate(model)
    let engine = Engine(threads: Machine.cores)
    let loaded = try LanguageModel(local, engine: engine)
    let progress = ProgressReporter(json: false)
    defer { progress.finish() }
    return methods.enumerated().map { place, method in
      progress.update(
        "counting", completed: place, total: methods.count, unit: .items("methods"))
      do {
        let figures = try method.figures(
          on: loaded, availableBytes: Machine.availableBytes ?? .max, engine: engine)
        return Counted(method: method, figures: figures)
      } catch {
        return Counted(method: method, fault: "\(error)")
      }
    }
  }

  // MARK: For people

  private static func table(of methods: [Counted], model: String?) -> String {
    var notes: [String] = []
    var table: Table
    if let model {
      table = Table(
        ("METHOD", .left), ("TRAINS", .left), ("PARAMETERS", .right), ("FILES", .right),
        ("MEMORY", .right), ("MERGES", .left), ("EXCHANGE", .left))
      for item in methods {
        let (method, figures) = (item.method, item.figures)
        table.add(
          method.name, method.facts.trained, figures?.parameters.asCount ?? "-",
          figures?.fileBytes.asBytes ?? "-", figures?.memoryBytes.asBytes ?? "-",
          method.facts.merges ? "yes" : "no", exchange(of: method))
        if let fault = item.fault { notes.append(fault) }
      }
      notes.append(
        "With the default settings, on \(model). MEMORY is beside the model and its "
          + "activations.")
    } else {
      table = Table(
        ("METHOD", .left), ("TRAINS", .left), ("PARAMETERS", .left), ("MERGES", .left),
        ("EXCHANGE", .left), ("PAPER", .left))
      for item in methods {
        let facts = item.method.facts
        table.add(
          item.method.name, facts.trained, facts.parameters, facts.merges ? "yes" : "no",
          exchange(of: item.method), paper(of: item.method))
      }
      let others = methods.map(\.method).filter { $0.facts.memory != MethodFacts.usualMemory }
      notes.append(
        "Memory beside the model and its activations: "
          + ([MethodFacts.usualMemory] + others.map { "\($0.name) \($0.facts.memory)" })
          .joined(separator: "; ") + ".")
    }
    notes.append(
      "`hone methods METHOD` explains one, with its paper and settings"
        + (model == nil ? "; --model M counts on a model." : "."))
    let width = StandardOutput.width
    return table.text(width: width) + "\n\n"
      + notes.flatMap { $0.folded(to: width) }.joined(separator: "\n")
  }

  private static func exchange(of method: AdapterMethod) -> String {
    let peers = method.facts.exchange
    return peers.isEmpty ? "none" : peers.map(\.description).joined(separator: ", ")
  }

  /// Who and when, without the address.
  private static func paper(of method: AdapterMethod) -> String {
    method.source.components(separatedBy: ", http")[0]
  }

  private static func page(of item: Counted) -> String {
    let (method, facts, width) = (item.method, item.method.facts, StandardOutput.width)
    var rows = Table(("", .left), ("", .left))
    rows.add("trains", facts.trained)
    rows.add("parameters", facts.parameters)
    rows.add("memory", "\(facts.memory), beside the model and its activations")
    rows.add("merges", facts.merges ? "yes" : "no")
    rows.add("exchange", exchange(of: method))
    rows.add("paper", method.source)
    if let change = method.changeAtStart { rows.add("untrained", "changes the model: \(change)") }
    if let figures = item.figures {
      rows.add(
        "here",
        """
        \(figures.parameters.asCount) parameters, \(figures.fileBytes.asBytes) of files, \
        \(figures.memoryBytes.asBytes) of memory, with the default settings
        """)
    }
    if let fault = item.fault { rows.add("here", fault) }
    var settings = Table(("SETTING", .left), ("DEFAULT", .left), ("MEANING", .left))
    for setting in method.settings {
      settings.add(
        setting.key, setting.defaultValue.recipeText, "\(setting.summary) \(expected(setting))")
    }
    var parts = [
      "\(method.name): \(method.summary)".folded(to: width).joined(separator: "\n"),
      rows.text(width: width), settings.text(width: width),
    ]
    if !method.examples.isEmpty {
      let examples = method.examples.map { example in
        "  " + recipe(method, example).folded(to: width - 4).joined(separator: "\n    ")
      }
      parts.append((["Examples, as a recipe has them:"] + examples).joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n")
  }

  private static func expected(_ setting: Setting) -> String {
    let words = setting.allowsNone ? "\(setting.kind), or none" : "\(setting.kind)"
    return "\(words.prefix(1).uppercased())\(words.dropFirst())."
  }

  private static func recipe(_ method: AdapterMethod, _ settings: JSONObject) -> String {
    let members = settings.map { "\($0.0): \($0.1.recipeText)" }.joined(separator: ", ")
    return "method: {\(method.name): {\(members)}}"
  }

  // MARK: For programs

  private static func json(of item: Counted, withSettings: Bool) -> JSONValue {
    let (method, facts) = (item.method, item.method.facts)
    var object = JSONObject([
      ("name", .string(method.name)), ("summary", .string(method.summary)),
      ("trains", .string(facts.trained)), ("parameters_are", .string(facts.parameters)),
      ("memory_is", .string(facts.memory)), ("merges", .bool(facts.merges)),
      ("exchange", .array(facts.exchange.map(json))), ("paper", .string(method.source)),
      ("change_at_start", method.changeAtStart.map { .string($0) } ?? .null),
    ])
    if let figures = item.figures {
      object["parameters"] = .integer(figures.parameters)
      object["file_bytes"] = .integer(figures.fileBytes)
      object["memory_bytes"] = .integer(figures.memoryBytes)
    }
    if let fault = item.fault { object["fault"] = .string(fault) }
    guard withSettings else { return .object(object) }
    object["settings"] = .array(
      method.settings.map { setting in
        JSONValue([
          "key": .string(setting.key), "default": setting.defaultValue,
          "expected": .string("\(setting.kind)"), "allows_none": .bool(setting.allowsNone),
          "summary": .string(setting.summary),
        ])
      })
    object["examples"] = .array(method.examples.map { .object($0) })
    return .object(object)
  }

  private static func json(of peer: MethodFacts.Peer) -> JSONValue {
    func string(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
    switch peer {
    case .peft(let type, let only):
      return JSONValue([
        "peer": .string("peft"), "peft_type": .string(type), "only": string(only),
      ])
    case .adapterHub(let only):
      return JSONValue(["peer": .string("adapters"), "peft_type": .null, "only": string(only)])
    }
  }
}
