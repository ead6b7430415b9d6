import ArgumentParser
import HoneFormats
import HoneModels
import HoneStore

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the models that have a name, or the families that run.",
    discussion: """
      With --families: which families of models run, what `config.json` and GGUF files call them, \
      and what the tests compare for each with transformers, peft and itself.
      """)

  @Flag(help: "List the families of models that run, and what was checked for each.")
  var families = false

  @Flag(help: "Print JSON.")
  var json = false

  func run() {
    if families {
      print(json ? Self.familiesJSON.page : Self.familiesPage)
      return
    }
    let store = ModelStore()
    if json {
      let models = ModelCatalog.models.map { model in
        JSONValue([
          "name": .string(model.name), "summary": .string(model.summary),
          "source": .string(model.source), "file": .string(model.file),
          "bytes": .integer(model.byteCount), "sha256": .string(model.sha256),
          "licence": .string(model.licence), "here": .bool(store.holds(model)),
        ])
      }
      print(JSONValue.array(models).page)
      return
    }
    var table = Table(
      ("NAME", .left), ("SIZE", .right), ("HERE", .left), ("LICENCE", .left), ("MODEL", .left))
    for model in ModelCatalog.models {
      table.add(
        model.name, model.byteCount.asBytes, store.holds(model) ? "yes" : "no", model.licence,
        model.summary)
    }
    print(table.text)
    print("\nA name serves wherever a model is asked for; `hone pull NAME` fetches it.")
  }

  // MARK: Families

  private static var familiesPage: String {
    var table = Table(
      ("FAMILY", .left), ("MODELS", .left), ("MODEL_TYPE", .left), ("GGUF", .left),
      ("CHECKED", .left), ("REAL MODEL", .left))
    for family in Architectures.all {
      let checks = FamilyFixture.Check.allCases.filter { check in
        family.fixtures.contains { $0.checks.contains(check) }
      }
      table.add(
        family.name, family.models, family.modelTypes.joined(separator: ", "),
        family.ggufNames.isEmpty ? "-" : family.ggufNames.joined(separator: ", "),
        checks.map(\.rawValue).joined(separator: ", "), family.realModel ?? "-")
    }
    let meanings = FamilyFixture.Check.allCases.map { "\($0.rawValue): \($0.meaning)" }
    let width = StandardOutput.width
    return table.text(width: width) + "\n\n"
      + """
      Checked on tiny random models: \(meanings.joined(separator: "; ")). A real model's \
      log-probabilities and likeliest texts are compared with transformers' where it is cached.
      """.folded(to: width).joined(separator: "\n")
  }

  private static var familiesJSON: JSONValue {
    func texts(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
    return .array(
      Architectures.all.map { family in
        let fixtures = family.fixtures.map { fixture in
          JSONValue([
            "name": .string(fixture.name), "checks": texts(fixture.checks.map(\.rawValue)),
          ])
        }
        return JSONValue([
          "name": .string(family.name), "models": .string(family.models),
          "model_types": texts(family.modelTypes), "gguf_names": texts(family.ggufNames),
          "fixtures": .array(fixtures),
          "real_model": family.realModel.map { .string($0) } ?? .null,
        ])
      })
  }
}
