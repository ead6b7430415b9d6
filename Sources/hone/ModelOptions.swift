import ArgumentParser
import Foundation
import HoneModels
import HoneTensors

/// The options of every command that runs a model.
struct ModelOptions: ParsableArguments {
  @Option(help: "The model: a folder, a .gguf file, hf:..., pip:..., or a name of `hone models`.")
  var model = "smollm2-135m"

  @Option(help: "How many threads compute. (default: as many as there are cores)")
  var threads: Int?

  @Option(help: "How products are rounded: f32, bf16, or auto, the fastest on this machine.")
  var compute: Compute = .auto

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), expected 1 to 256.")
    }
  }

  var engine: Engine {
    Engine(
      threads: threads ?? ProcessInfo.processInfo.activeProcessorCount, compute: compute)
  }

  /// Finds the model, fetching it where needed.
  func locate(json: Bool = false) async throws -> LocalModel {
    let reference = try UsageError.catching { try ModelReference(parsing: model) }
    let progress = ProgressReporter(json: json)
    defer { progress.finish() }
    return try await ModelStore().locate(reference, listener: progress.transferListener)
  }
}

extension Compute: ExpressibleByArgument {}
