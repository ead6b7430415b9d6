import Foundation
import HoneFormats
import HoneModels
import HoneStore
import HoneSynthesis
import HoneTensors

/// A recipe of synthesis with its models loaded, ready to run.
package final class SynthesisJob {
  /// The models of this machine that a recipe needs.
  package struct Models {
    /// Nil where an endpoint's model writes.
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
  ///   - key: what the recipe's endpoint asks for.
  ///   - pseudonymKey: what pseudonyms of personal data are made with.
  ///   - batchSize: how many candidates are made at once; changes nothing but the time it takes.
  ///   - isInterrupted: asked between tokens; true ends the run, which can be gone on with.
  /// - Throws: what is wrong with any of them, before anything is written.
  package init(
    _ recipe: SynthesisRecipe, models: Models, threads: Int, key: String? = nil,
    pseudonymKey: String? = nil, batchSize: Int = 32,
    isInterrupted: @escaping () -> Bool = { false }
  ) throws {
    self.recipe = recipe
    var options = recipe.options
    if options.personalData == "pseudonymise" { options.pseudonymKey = pseudonymKey }
    let engine = Engine(threads: threads, compute: Compute(rawValue: options.compute) ?? .auto)
    func load(_ local: LocalModel, _ name: String) throws -> LocalTeacher {
      LocalTeacher(
        try LanguageModel(local, engine: engine), name: name, checksum: try local.checksum(),
        engine: engine, isInterrupted: isInterrupted)
    }
    let reader = try load(models.reader, recipe.readerName)
    let teacher: any Teacher
    if let endpoint = options.endpoint {
      teacher = try RemoteTeacher(
        endpoint, model: options.teacherModel, key: key, isInterrupted: isInterrupted)
    } else if let local = models.teacher, local != models.reader {
      teacher = try load(local, options.teacherModel)
    } else {
      teacher = reader
    }
    run = try SynthesisRun(options, teacher: teacher, reader: reader, batchSize: batchSize)
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
  /// The model that writes.
  package var teacherName: String { options.teacherModel }

  /// The model that judges.
  package var readerName: String { options.readerModel ?? teacherName }
}
