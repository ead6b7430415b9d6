import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import HoneTraining

/// The stages of a recipe, trained one after another.
///
/// Each stage is a run in a folder of its own, with its checkpoints, events and report; the output's
/// folder has the last one's adapter, the recipe, and a report of all.
public final class ChainRun {
  public let chain: RecipeChain
  /// The stages as they are before anything is trained: a later one starts as the first does.
  public let pipelines: [Pipeline]
  public let folder: RunFolder
  private let local: LocalModel
  private let threads: Int

  /// Loads the model, and reads the data of all stages, so that what is wrong with a later one is
  /// known before the first is trained.
  public init(_ chain: RecipeChain, model local: LocalModel, threads: Int) throws {
    self.chain = chain
    self.local = local
    self.threads = threads
    folder = RunFolder(path: chain.output)
    var pipelines: [Pipeline] = []
    for stage in chain.stages {
      pipelines.append(
        try Pipeline(
          stage, model: local, threads: threads, sharing: pipelines.first,
          startingAs: pipelines.first?.recipe))
    }
    self.pipelines = pipelines
  }

  /// What came of one stage.
  public struct StageResult {
    public let pipeline: Pipeline
    public let result: RunResult
    public var name: String { pipeline.recipe.stage ?? "" }
  }

  /// What came of all stages.
  public struct Result {
    public internal(set) var stages: [StageResult] = []
    public internal(set) var comparison = ChainComparison()
    public var isInterrupted: Bool { stages.last?.result.end.reason == .interrupted }
  }

  /// Trains what is not trained yet.
  ///
  /// - Parameters:
  ///   - resuming: whether to go on where an earlier run of the same recipe stopped.
  ///   - isInterrupted: asked after each step; when true, a checkpoint is written and the run ends.
  ///   - listener: hears each event.
  /// - Throws: what a single run throws; also when a finished stage was made from something else.
  public func run(
    resuming: Bool = false, isInterrupted: () -> Bool = { false },
    listener: (TrainingEvent) -> Void = { _ in }
  ) throws -> Result {
    if !resuming { try chain.expectNoRun() }
    var result = Result()
    for (index, recipe) in chain.stages.enumerated() {
      let pipeline =
        index == 0
        ? pipelines[0]
        : try Pipeline(recipe, model: local, threads: threads, sharing: pipelines[0])
      let finished = resuming ? try pipeline.finished() : nil
      listener(
        .stage(
          TrainingEvent.Stage(
            name: recipe.stage ?? "", number: index + 1, count: chain.stages.count,
            isFinished: finished != nil)))
      let stage =
        try finished
        ?? pipeline.run(resuming: resuming, isInterrupted: isInterrupted, listener: listener)
      result.stages.append(StageResult(pipeline: pipeline, result: stage))
      if result.isInterrupted { return result }
    }
    guard let comparison = try compare(result.stages, isInterrupted: isInterrupted),
      let last = result.stages.last
    else {
      result.stages[result.stages.count - 1].interrupt()
      return result
    }
    result.comparison = comparison
    try folder.copyAdapter(from: last.pipeline.folder)
    try AtomicFile.write(Array(chain.text.utf8), to: "\(folder.path)/recipe.yaml")
    try AtomicFile.write(
      Array(report(result).html.utf8), to: "\(folder.path)/report.html")
    let numbers = result.stages.map { ($0.name, $0.pipeline.summary($0.result)) }
    try AtomicFile.write(
      Array((JSONValue.object(JSONObject(numbers)).text(.indented(by: 2)) + "\n").utf8),
      to: "\(folder.path)/run.json")
    return result
  }
}

extension ChainRun.StageResult {
  fileprivate mutating func interrupt() {
    var end = result
    end.end.reason = .interrupted
    self = ChainRun.StageResult(pipeline: pipeline, result: end)
  }
}

extension RecipeChain {
  /// Makes sure that a new run would overwrite nothing.
  ///
  /// - Throws: ``HoneTraining/TrainingError`` when the output or a stage's folder has a run.
  public func expectNoRun() throws {
    try RunFolder(path: output).expectNoRun()
    for stage in stages { try RunFolder(path: stage.output).expectNoRun() }
  }
}

extension Pipeline {
  /// What came of a run that ended; nil where there is none.
  ///
  /// - Throws: ``HoneTraining/TrainingError`` when it was made from something else.
  func finished() throws -> RunResult? {
    // It is written last.
    guard FileManager.default.fileExists(atPath: "\(folder.path)/run.json"),
      FileManager.default.fileExists(atPath: folder.adapterPath)
    else { return nil }
    let events = try folder.events()
    guard
      let end = events.last(where: { $0["event"]?.string == "end" }).flatMap(
        TrainingEvent.End.init(event:))
    else { return nil }
    try trainingRun().expectSameOrigin()
    var result = RunResult(end: end, folder: folder)
    result.events = events
    result.warnings = warnings + result.preferenceWarnings
    return result
  }
}
