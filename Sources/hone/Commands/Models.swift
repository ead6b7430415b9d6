import ArgumentParser
import HoneFormats
import HoneModels

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the models that have a name.")

  @Flag(help: "Print JSON.")
  var json = false

  func run() {
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
}
