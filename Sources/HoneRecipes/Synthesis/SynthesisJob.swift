import Foundation
import HoneFormats
import HoneModels
import HoneSynthesis
import HoneTensors

/// A recipe of synthesis with its models loaded, ready to run.
package final class SynthesisJob {
  /// The models of this machine that a recipe needs.
  package struct Models {
    /// nil where an endpoint writes.
    package var teacher: LocalModel?
    package var reader: LocalModel

    package init(teacher: LocalModel?, reader: LocalModel) {
      self.teacher = teacher
      self.reader = reader
    }
  }

  package let recipe: SynthesisRecipe
  package let run: SynthesisRun

  /// Loads the models.
  ///
  /// - Parameters:
  ///   - key: of the endpoint, from the environment.
  ///   - isInterrupted: asked between tokens; true ends the run, which can be gone on with.
  /// - Throws: what is wrong with any of them, before anything is written.
  package init(
    _ recipe: SynthesisRecipe, models: Models, threads: Int,
    isInterrupted: @escaping () -> Bool = { false }
  ) throws {
    self.recipe = recipe
    let options = recipe.options
    let engine = Engine(threads: threads, compute: Compute(rawValue: options.compute) ?? .auto)
    func load(_ local: LocalModel, _ name: String) throws -> LocalTeacher {
      LocalTeacher(
        try LanguageModel(local, engine: engine), name: name, checksum: try local.checksum(),
        engine: engine, isInterrupted: isInterrupted)
    }
    let reader = try load(models.reader, recipe.readerName)
    let teacher: any Teacher =
      switch models.teacher {
      case models.reader: reader
      case .some(let local): try load(local, options.teacherModel)
      case .none: throw SynthesisError("teacher.url", problem: "is not supported yet")
      }
    run = try SynthesisRun(options, teacher: teacher, reader: reader)
  }

  /// Runs the recipe, and leaves it beside what was made from it.
  ///
  /// - Parameter restarts: whether a run of other settings in the folder may be replaced.
  package func run(
    restarts: Bool, isInterrupted: () -> Bool, listener: (SynthesisEvent) -> Void
  ) async throws -> SynthesisRun.Result {
    try await run.run(
      restarts: restarts,
      willStart: {
        try AtomicFile.write(Array(recipe.text.utf8), to: run.folder.recipe)
      }, isInterrupted: isInterrupted, listener: listener)
  }
}

extension SynthesisRecipe {
  /// The model that judges where the recipe names none and an endpoint writes.
  private static let defaultReader = "smollm2-135m"

  /// The model of this machine that writes; nil where an endpoint does.
  package var teacherName: String? { options.endpoint == nil ? options.teacherModel : nil }

  /// The model of this machine that judges.
  package var readerName: String { options.readerModel ?? teacherName ?? Self.defaultReader }
}
