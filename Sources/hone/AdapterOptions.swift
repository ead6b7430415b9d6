import ArgumentParser
import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors

/// Which adapters a command uses.
struct AdapterOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A folder with an adapter of the model; may be given several times, they are added up.",
      valueName: "folder"))
  var adapter: [String] = []

  func load(for model: LanguageModel, engine: Engine) throws -> LoadedAdapters {
    var loaded = LoadedAdapters(engine: engine)
    for path in adapter { try loaded.load(path, for: model) }
    return loaded
  }
}

/// Adapters in memory, by name, and which of them are in use.
struct LoadedAdapters {
  let engine: Engine
  private(set) var all: [(name: String, adapter: any TrainableAdapter)] = []
  private var used: Set<String> = []

  init(engine: Engine) { self.engine = engine }

  /// The ones in use as one.
  var together: any Adapter {
    AdapterStack.together(
      all.filter { used.contains($0.name) }.map(\.adapter), in: engine)
  }

  /// Reads one more adapter and uses it; it is called by its folder's name.
  mutating func load(_ path: String, for model: LanguageModel) throws {
    let adapter = try AdapterFolder.load(path, for: model, engine: engine)
    let url = URL(fileURLWithPath: path).standardizedFileURL
    var name = url.lastPathComponent
    // runs/a/adapter and runs/b/adapter are told apart by the runs.
    if all.contains(where: { $0.name == name }) {
      name = "\(url.deletingLastPathComponent().lastPathComponent)/\(name)"
    }
    if all.contains(where: { $0.name == name }) { name = path }
    all.append((name, adapter))
    used.insert(name)
  }

  /// Uses one adapter alone: of this name, or of this folder; `off` uses none.
  mutating func use(_ name: String, for model: LanguageModel) throws {
    if name == "off" {
      used = []
    } else if all.contains(where: { $0.name == name }) {
      used = [name]
    } else if FileManager.default.fileExists(atPath: name) {
      let before = used
      used = []
      do { try load(name, for: model) } catch {
        used = before
        throw error
      }
    } else {
      let names = all.map(\.name)
      throw AdapterError(
        name, problem: "is no adapter here and no folder",
        advice: name.nearest(in: names).map { "did you mean \($0)?" }
          ?? (names.isEmpty ? "give a folder" : "there are \(names.joined(separator: ", "))"))
    }
  }
}

extension LoadedAdapters: CustomStringConvertible {
  var description: String {
    if all.isEmpty { return "There are no adapters." }
    let marks = all.map { used.contains($0.name) ? "\($0.name) (in use)" : $0.name }
    return "Adapters: \(marks.joined(separator: ", "))" + (used.isEmpty ? "; none is in use." : ".")
  }
}
