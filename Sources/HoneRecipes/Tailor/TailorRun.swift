import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneSynthesis
import HoneTraining

/// Documents in, a model that knows them out: an exam, training data, training, and the exam again;
/// between the last two, where it is asked for, pairs of answers and DPO.
///
/// Each step is a run of its own in a folder of its own, with its recipe and its report. A run that
/// is killed goes on where it was when it is started again.
public final class TailorRun {
  /// What is tailored to what.
  public struct Options: Equatable, Sendable {
    /// Files and folders.
    public var documents: [String]
    /// References as `ModelReference` reads them.
    public var model: String
    public var teacher: String
    /// The folder of everything.
    public var output: String
    /// How many examples are wanted to train on.
    public var examples: Int
    /// How many questions the exam should have.
    public var questions: Int
    /// The file of an exam of one's own; nil for one that is made of the documents.
    public var exam: String?
    /// Whether training goes on with DPO, on as many pairs of answers made of the same documents.
    ///
    /// It adds to what the others make and changes nothing of it, so a run that is done may be gone on
    /// with by it.
    public var learnsPairs: Bool

    public init(
      documents: [String], model: String, teacher: String? = nil, output: String, examples: Int,
      questions: Int, exam: String? = nil, learnsPairs: Bool = false
    ) {
      self.documents = documents.map(Self.absolute)
      self.model = model
      self.teacher = teacher ?? model
      self.output = Self.absolute(output)
      self.examples = examples
      self.questions = questions
      self.exam = exam.map(Self.absolute)
      self.learnsPairs = learnsPairs
    }

    /// What is done, in its order.
    public var steps: [Step] {
      Step.allCases.filter { learnsPairs || ($0 != .pairs && $0 != .dpo) }
    }

    private static func absolute(_ path: String) -> String {
      URL(fileURLWithPath: path).standardizedFileURL.path
    }
  }

  public enum Step: CaseIterable, Sendable {
    case exam, data, training, pairs, dpo, measuring

    /// What it does, for people.
    public var title: String {
      switch self {
      case .exam: "an exam of the documents"
      case .data: "examples to train on"
      case .training: "training"
      case .pairs: "pairs of a better and a worse answer"
      case .dpo: "training on the pairs"
      case .measuring: "the exam, before and after"
      }
    }
  }

  package enum Event: Sendable {
    /// A step begins, or was finished by an earlier run.
    case step(Step, isFinished: Bool)
    case synthesis(SynthesisEvent)
    case training(TrainingEvent)
  }

  /// What came of it.
  package struct Result {
    package var exam: ExamTable
    /// The trainings, one after another, at least one; the last one's adapter is what came of it all.
    package var stages: [ChainRun.StageResult]
    /// Why no pairs were learned where that was asked for.
    package var lack: SynthesisError?

    /// How many examples and pairs were learned from.
    package var examples: Int { stages[0].pipeline.train.exampleCount }
    package var pairs: Int { stages.dropFirst().reduce(0) { $0 + $1.pipeline.train.exampleCount } }
  }

  public let options: Options
  public let folder: RunFolder
  private let model: LocalModel
  private let teacher: LocalModel
  private let threads: Int

  /// - Parameters:
  ///   - model: `options.model` on this machine.
  ///   - teacher: `options.teacher` on this machine.
  public init(_ options: Options, model: LocalModel, teacher: LocalModel, threads: Int) {
    self.options = options
    folder = RunFolder(path: options.output)
    self.model = model
    self.teacher = teacher
    self.threads = threads
  }

  package var examFolder: SynthesisFolder { SynthesisFolder("\(folder.path)/exam") }
  package var dataFolder: SynthesisFolder { SynthesisFolder("\(folder.path)/data") }
  private var examPath: String { options.exam ?? examFolder.accepted }
  package var pairsFolder: SynthesisFolder { SynthesisFolder("\(folder.path)/pairs") }
  private var trainingPath: String { "\(folder.path)/training" }
  private var dpoPath: String { "\(folder.path)/dpo" }
  package var reportPath: String { "\(folder.path)/report.html" }
  package var answersPath: String { "\(folder.path)/answers.jsonl" }
  private var settingsPath: String { "\(folder.path)/settings.json" }

  // MARK: The way

  /// Runs what is not done yet.
  ///
  /// - Parameter restarts: whether what was made by other settings may be replaced; calls that still
  ///   hold are used again.
  /// - Throws: `CancellationError` when interrupted: the same call goes on;
  ///   ``HoneSynthesis/SynthesisError`` when the folder was made of something else, or nothing can
  ///   be made of the documents.
  package func run(
    restarts: Bool = false, isInterrupted: @escaping () -> Bool = { false },
    listener: (Event) -> Void = { _ in }
  ) async throws -> Result {
    try await keepSettings(restarts: restarts)
    if let exam = options.exam {
      // What is wrong with it is better known before anything is made.
      _ = try ExamSheet(reading: exam)
    } else {
      try await synthesise(
        .exam, examRecipe(), isInterrupted: isInterrupted, listener: listener)
    }
    try await synthesise(
      .data, dataRecipe(), isInterrupted: isInterrupted, listener: listener)
    var stages = [
      try train(
        .training, trainingRecipe(), isInterrupted: isInterrupted, listener: listener)
    ]
    let pipeline = stages[0].pipeline
    var lack: SynthesisError?
    if options.learnsPairs {
      lack = try await makePairs(isInterrupted: isInterrupted, listener: listener)
      if lack == nil {
        stages.append(
          try train(
            .dpo, dpoRecipe(), sharing: pipeline, isInterrupted: isInterrupted,
            listener: listener))
      }
    }
    listener(.step(.measuring, isFinished: false))
    let sheet = try ExamSheet(reading: examPath)
    var adapters: [any Adapter] = [NoAdapter()]
    for stage in stages {
      adapters.append(
        try AdapterFolder.load(
          stage.pipeline.folder.adapterPath, for: pipeline.model, engine: pipeline.engine))
    }
    let sittings = try adapters.map { adapter -> ExamSitting in
      let sitting = try ExamSitting.of(
        sheet, pipeline.model, adapter, engine: pipeline.engine, isInterrupted: isInterrupted)
      guard let sitting else { throw CancellationError() }
      return sitting
    }
    let result = Result(
      exam: ExamTable(
        sheet, columns: stages.count == 1 ? ["before", "after"] : ["before", "sft", "dpo"],
        sittings: sittings),
      stages: stages, lack: lack)
    try write(result)
    return result
  }

  /// Makes sure that a folder is gone on with by the settings that it was begun with.
  ///
  /// What documents and exam say belongs to them: a step that is done does not read them again.
  private func keepSettings(restarts: Bool) async throws {
    let documents = try await Ingest().documents(at: options.documents).documents
    let exam = options.exam.flatMap { FileManager.default.contents(atPath: $0) }
    let settings: [(name: String, value: JSONValue)] = [
      ("documents", .array(options.documents.map { .string($0) })),
      ("model", .string(options.model)), ("teacher", .string(options.teacher)),
      ("examples", .integer(options.examples)), ("questions", .integer(options.questions)),
      ("exam", options.exam.map { .string($0) } ?? .null),
      ("documents_sha256", .string(Digest.of(documents.map(\.digest)))),
      ("exam_sha256", exam.map { .string(Digest.of(Array($0))) } ?? .null),
    ]
    try NewFolder.make(folder.path, advice: "choose another --out")
    if let bytes = FileManager.default.contents(atPath: settingsPath) {
      let old = try? JSONParser.parse(String(decoding: bytes, as: UTF8.self)).object
      guard let old else {
        throw SynthesisError(
          settingsPath, problem: "is damaged", advice: "choose another --out")
      }
      let changed = settings.filter { old[$0.name] != $0.value }.map { name, value in
        "\n  \(name): \(old[name]?.text() ?? "nothing") became \(value.text())"
      }
      if !changed.isEmpty {
        guard restarts else {
          throw SynthesisError(
            folder.path, problem: "was begun with other settings:\(changed.joined())\n",
            advice: Self.restartAdvice)
        }
        try removeWhatWasMade()
      }
    }
    let text = JSONValue.object(JSONObject(settings.map { ($0.name, $0.value) }))
      .text(.indented(by: 2))
    try AtomicFile.write(Array("\(text)\n".utf8), to: settingsPath)
  }

  private static let restartAdvice =
    "choose another --out, or add --restart: calls that still hold are used again"

  /// Leaves nothing but the calls, so that each step is done again; those that are the same are quick.
  private func removeWhatWasMade() throws {
    var paths = [trainingPath, dpoPath, reportPath, answersPath]
    for made in [examFolder, dataFolder, pairsFolder] { paths += [made.manifest, made.report] }
    for path in paths where FileManager.default.fileExists(atPath: path) {
      try FileManager.default.removeItem(atPath: path)
    }
  }

  /// Makes data by a recipe, or goes on with it.
  private func synthesise(
    _ step: Step, _ recipe: SynthesisRecipe, isInterrupted: @escaping () -> Bool,
    listener: (Event) -> Void
  ) async throws {
    let run = SynthesisFolder(recipe.output)
    // The report is written last; a run that accepted nothing tells why once more.
    if FileManager.default.fileExists(atPath: run.report),
      FileManager.default.contents(atPath: run.accepted)?.isEmpty == false
    {
      listener(.step(step, isFinished: true))
      return
    }
    listener(.step(step, isFinished: false))
    let job = try SynthesisJob(
      recipe, models: .init(teacher: teacher, reader: model), threads: threads,
      isInterrupted: isInterrupted)
    do {
      let result = try await job.run(
        restarts: false, isInterrupted: isInterrupted, listener: { listener(.synthesis($0)) })
      if result.isInterrupted { throw CancellationError() }
      try job.run.check(result)
    } catch let error as SynthesisError where error.subject == recipe.output {
      // What the settings do not show: a model's file, or Hone itself, has changed since.
      var error = error
      error.advice = "choose another --out"
      throw error
    }
  }

  /// Makes the pairs of answers.
  ///
  /// - Returns: why nothing was accepted; nil where something was.
  private func makePairs(
    isInterrupted: @escaping () -> Bool, listener: (Event) -> Void
  ) async throws -> SynthesisError? {
    do {
      try await synthesise(
        .pairs, pairsRecipe(), isInterrupted: isInterrupted, listener: listener)
      return nil
    } catch let error as SynthesisError where error.subject == Preferences.name {
      // What was learned until here is worth as much without them.
      return error
    }
  }

  private func train(
    _ step: Step, _ recipe: Recipe, sharing other: Pipeline? = nil, isInterrupted: () -> Bool,
    listener: (Event) -> Void
  ) throws -> ChainRun.StageResult {
    let pipeline = try Pipeline(recipe, model: model, threads: threads, sharing: other)
    if let result = try pipeline.finished() {
      listener(.step(step, isFinished: true))
      return ChainRun.StageResult(pipeline: pipeline, result: result)
    }
    listener(.step(step, isFinished: false))
    let result = try pipeline.run(
      resuming: true, isInterrupted: isInterrupted, listener: { listener(.training($0)) })
    if result.end.reason == .interrupted { throw CancellationError() }
    return ChainRun.StageResult(pipeline: pipeline, result: result)
  }

  // MARK: Recipes

  /// Small models go on with examples better than they follow a request.
  private static let smallestInChat = 300_000_000

  private func synthesisRecipe(
    _ name: String, _ output: SynthesisFolder, _ overrides: [String]
  ) throws -> SynthesisRecipe {
    let parameters = try ModelSummary(path: teacher.path).storage
      .reduce(0) { $0 + $1.elementCount }
    let isSmall = parameters < Self.smallestInChat
    return try SynthesisRecipe(
      parsing: RecipeCatalog.entry(named: name).text, file: output.recipe, folder: folder.path,
      overrides: [
        "documents=\(JSONValue.array(options.documents.map { .string($0) }).text())",
        "output=\(JSONValue.string(output.path).text())",
        "teacher.model=\(JSONValue.string(options.teacher).text())",
        "teacher.prompting=\(isSmall ? "completion" : "chat")",
        "reader.model=\(JSONValue.string(options.model).text())",
      ] + overrides, checkingFiles: true)
  }

  private func examRecipe() throws -> SynthesisRecipe {
    try synthesisRecipe("exam", examFolder, ["target.accepted=\(options.questions)"])
  }

  /// The same facts in other words: another seed, and nothing that the exam asks.
  private func dataRecipe() throws -> SynthesisRecipe {
    try synthesisRecipe("domain-qa", dataFolder, ["seed=8"] + teachingOverrides)
  }

  private func pairsRecipe() throws -> SynthesisRecipe {
    try synthesisRecipe(Preferences.name, pairsFolder, ["seed=9"] + teachingOverrides)
  }

  private var teachingOverrides: [String] {
    [
      "target.accepted=\(options.examples)",
      "duplicates.against=\(JSONValue.string(examPath).text())",
    ]
  }

  private func recipe(
    _ name: String, _ path: String, data: SynthesisFolder, _ overrides: [String]
  ) throws -> Recipe {
    try Recipe(
      parsing: RecipeCatalog.entry(named: name).text, file: "\(path)/recipe.yaml",
      folder: folder.path,
      overrides: [
        "model=\(JSONValue.string(options.model).text())",
        "data.train=\(JSONValue.string(data.accepted).text())", "data.valid=none",
        "output=\(JSONValue.string(path).text())",
      ] + overrides, checkingFiles: true)
  }

  private func trainingRecipe() throws -> Recipe {
    try recipe(
      "lora", trainingPath, data: dataFolder,
      ["training.epochs=\(Self.epochs)", "training.batch_size=2"])
  }

  /// Facts are learned by heart, which takes a few rounds.
  private static let epochs = 8

  /// Goes on from the adapter that knows the facts, as gently as `Examples/pellgarth-voice` does, where
  /// nearly all of them stay.
  private func dpoRecipe() throws -> Recipe {
    let adapter = RunFolder(path: trainingPath).adapterPath
    return try recipe(
      "dpo", dpoPath, data: pairsFolder,
      [
        "method.lora={from: \(JSONValue.string(adapter).text())}",
        "objective.dpo.reference=adapter", "objective.dpo.loss=[sigmoid, sft]",
        "objective.dpo.loss_weights={sft: 0.5}", "training.learning_rate=1.5e-4",
      ])
  }
}
