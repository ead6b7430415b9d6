import ArgumentParser
import HoneModels

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the models that have a name.")

  @Flag(help: "Print JSON.")
  var json = false

  func run() {
    let store = ModelStore()
    if json {
      print(
        JSONText.page(
          ModelCatalog.models.map {
            [
              "name": $0.name, "summary": $0.summary, "source": $0.source, "file": $0.file,
              "bytes": $0.byteCount, "sha256": $0.sha256, "licence": $0.licence,
              "here": store.holds($0),
            ] as [String: Any]
          }))
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
