import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneGeneration
import HoneKernels
import HoneModels
import HoneTensors
import HoneText
import HoneTraining

/// A recipe's way from its files to an adapter, top to bottom.
public final class Pipeline {
  public let recipe: Recipe
  public let local: LocalModel
  public let engine: Engine
  public let model: LanguageModel
  public let adapter: any TrainableAdapter
  package let train: TrainingData
  package let valid: TrainingData?
  public let folder: RunFolder
  let options: TrainingOptions
  /// The folder of the adapter that it really starts from.
  private let startingAdapter: String?

  /// Loads the model, makes the adapter, and reads all data once.
  ///
  /// - Parameters:
  ///   - local: the recipe's model, on this machine.
  ///   - threads: how many compute.
  ///   - other: a pipeline over the same model, whose loaded model serves this one too.
  ///   - standIn: for a stage whose start is yet to be trained, the recipe whose start stands for it.
  /// - Throws: what is wrong with any of them, before anything is written.
  public init(
    _ recipe: Recipe, model local: LocalModel, threads: Int, sharing other: Pipeline? = nil,
    startingAs standIn: Recipe? = nil
  ) throws {
    self.recipe = recipe
    self.local = local
    let training = recipe.training
    let compute = Compute(rawValue: training.text("compute")) ?? .auto
    // What other stages have loaded serves this one too, where it computes in the same way.
    let shared = other.flatMap { $0.engine.compute == compute ? $0 : nil }
    let engine = shared?.engine ?? Engine(threads: threads, compute: compute)
    let model =
      try shared?.model
      ?? LanguageModel(local, engine: engine, quantization: recipe.weights.format)
    self.engine = engine
    self.model = model
    options = try TrainingOptions(training)
    let start = standIn ?? recipe
    startingAdapter = start.adapterFolder
    var adapter: any TrainableAdapter
    if let folder = start.adapterFolder {
      let isReward = recipe.objective.givesRewards && RewardModel.isFolder(folder)
      let found: any TrainableAdapter =
        try isReward
        ? RewardModel.load(folder, for: model, engine: engine)
        : AdapterFolder.load(folder, for: model, engine: engine)
      guard found.methodName == recipe.method.name else {
        throw AdapterError(
          folder,
          problem: "holds an adapter of \(found.methodName), the recipe says \(recipe.method.name)")
      }
      adapter = try found.continued(with: start.methodSettings, from: folder)
    } else {
      adapter = try recipe.method.make(start.methodSettings, model, engine, options.seed)
    }
    if recipe.objective.givesRewards, !(adapter is RewardModel) {
      adapter = RewardModel(over: adapter, of: model, engine: engine, seed: options.seed)
    }
    self.adapter = adapter

    let files = try Self.files(recipe.data)
    let ahead = adapter.positionsAhead
    train = try TrainingData(files.train, of: recipe, for: model, after: ahead)
    valid = try files.valid.map {
      try TrainingData($0, of: recipe, for: model, after: ahead, isHeldOut: true)
    }
    folder = RunFolder(path: recipe.output)
  }

  /// The files of the data: those that the recipe names, or `train` and `valid` in a folder.
  private static func files(
    _ data: SettingValues
  ) throws -> (train: String, valid: String?) {
    let train = data.text("train")
    guard let folder = try DataFolder(train) else { return (train, data.optionalText("valid")) }
    return (folder.train, data.optionalText("valid") ?? folder.valid)
  }

  // MARK: Training

  /// - Parameter references: what the reference makes of training and held-out data, where the
  ///   objective has one.
  func trainingRun(_ references: DataReferences = DataReferences()) throws -> any SomeRun {
    func run<Goal: Objective, Source: BatchSource>(
      _ objective: Goal, _ source: (_ data: TrainingData, _ isHeldOut: Bool) throws -> Source
    ) throws -> any SomeRun where Goal.Batch == Source.Batch {
      try TrainingRun(
        model.decoder, adapter: adapter, objective: objective, source: source(train, false),
        validation: valid.map { try source($0, true) }, options: options, engine: engine,
        folder: folder, base: recipe.model, origin: origin())
    }
    let batchSize = recipe.training.integer("batch_size")
    func accumulation(_ isHeldOut: Bool) -> Int {
      isHeldOut ? 1 : recipe.training.integer("gradient_accumulation")
    }
    let shuffles = recipe.data.flag("shuffle")
    let seed = options.seed
    switch recipe.objective.data {
    case .texts:
      return try run(Supervised(vocabularySize: model.spec.vocabularySize)) { data, isHeldOut in
        DataBatches(
          try data.texts(), batchSize: batchSize, accumulation: accumulation(isHeldOut),
          shuffles: shuffles && !isHeldOut, seed: seed)
      }
    case .pairs(let make):
      return try run(PairPreference(make(recipe.objectiveSettings))) { data, isHeldOut in
        ReferencedBatches(
          try PreferenceBatches(
            data.preferences(), batchSize: batchSize, accumulation: accumulation(isHeldOut),
            shuffles: shuffles && !isHeldOut, seed: seed),
          scores: isHeldOut ? references.valid : references.train)
      }
    case .rewards(let make):
      return try run(make(recipe.objectiveSettings)) { data, isHeldOut in
        ReferencedBatches(
          try PreferenceBatches(
            data.preferences(), batchSize: batchSize, accumulation: accumulation(isHeldOut),
            shuffles: shuffles && !isHeldOut, seed: seed),
          scores: nil)
      }
    case .answers(let make):
      return try run(make(recipe.objectiveSettings)) { data, isHeldOut in
        let preferences = try data.preferences()
        return ReferencedBatches(
          UnpairedBatches(
            preferences, batchSize: batchSize, accumulation: accumulation(isHeldOut),
            shuffles: shuffles && !isHeldOut, seed: seed),
          of: preferences, scores: isHeldOut ? references.valid : references.train)
      }
    }
  }

  /// How many steps go once through the data.
  var stepsPerEpoch: Int {
    let rows =
      recipe.training.integer("batch_size") * recipe.training.integer("gradient_accumulation")
    return (train.rowCount + rows - 1) / rows
  }

  /// What a resumed run must have been made from.
  private func origin() throws -> [(name: String, value: String)] {
    let size = (try? FileManager.default.attributesOfItem(atPath: local.path)[.size] as? Int) ?? 0
    let start = try startingAdapter.map { [("starting adapter", try Self.digest($0))] } ?? []
    return [
      ("model", "\(recipe.modelInWords), \(size) bytes"), ("method", recipe.method.name),
      (
        "method settings",
        recipe.method.settings.map { "\($0.key)=\(recipe.methodSettings[$0.key].text())" }
          .joined(separator: ",")
      ),
      ("training data", train.fingerprint),
      ("validation data", valid?.fingerprint ?? "none"),
      (
        "training settings",
        [
          "batch_size", "gradient_accumulation", "warmup", "schedule", "weight_decay",
          "gradient_clip",
        ].map { "\($0)=\(recipe.training[$0].text())" }.joined(separator: ",")
      ),
      ("shuffle", String(recipe.data.flag("shuffle"))),
    ] + objectiveOrigin + start
  }

  /// Trains, and leaves adapter, report and all that belongs to the run in its folder.
  ///
  /// - Parameters:
  ///   - resuming: whether to go on after the last checkpoint.
  ///   - isInterrupted: asked after each step; when true, a checkpoint is written and the run ends.
  ///   - listener: hears each event.
  /// - Throws: ``HoneTraining/TrainingError``; ``RecipeError`` when the folder holds another run.
  public func run(
    resuming: Bool = false, isInterrupted: () -> Bool = { false },
    listener: (TrainingEvent) -> Void = { _ in }
  ) throws -> RunResult {
    if !resuming { try folder.expectNoRun() }
    guard let references = try references(isInterrupted: isInterrupted, listener: listener) else {
      return RunResult(
        end: TrainingEvent.End(interruptedAfter: 0, peakMemory: ProcessMemory.peak), folder: folder)
    }
    if folder.checkpointSteps.isEmpty { try expectReferenceAtStart(references) }
    let run = try trainingRun(references)
    // The recipe stands beside what was made from it: a run that is refused leaves it alone.
    let end = try run.run(
      resuming: resuming, isInterrupted: isInterrupted,
      willStart: {
        try AtomicFile.write(Array(recipe.text.utf8), to: "\(folder.path)/recipe.yaml")
      }, listener: listener)
    var result = RunResult(end: end, folder: folder)
    result.events = try folder.events()
    guard end.reason != .interrupted else { return result }
    // The best adapter, as it was left.
    if !recipe.objective.givesRewards {
      let final = try AdapterFolder.load(folder.adapterPath, for: model, engine: engine)
      result.answers = try answers(final, isInterrupted: isInterrupted)
    }
    // Half of the answers say nothing; a resumed run asks again.
    if isInterrupted() {
      result.end.reason = .interrupted
      return result
    }
    result.warnings = warnings + result.preferenceWarnings
    try AtomicFile.write(
      Array(report(result).html.utf8), to: "\(folder.path)/report.html")
    try AtomicFile.write(
      Array((summary(result).text(.indented(by: 2)) + "\n").utf8), to: "\(folder.path)/run.json")
    return result
  }

  // MARK: Before and after

  /// The most questions that are asked of both models.
  private static let questionLimit = 64

  /// Asks held-out questions (trained ones where none are held out) of the model without and with
  /// the adapter.
  private func answers(
    _ adapter: any Adapter, isInterrupted: () -> Bool
  ) throws -> [RunResult.Answer] {
    let questions = try questions()
    let (before, after) = try (
      ask(questions, NoAdapter(), isInterrupted: isInterrupted),
      ask(questions, adapter, isInterrupted: isInterrupted)
    )
    return zip(questions, zip(before, after)).map { question, texts in
      RunResult.Answer(
        question: question.text, expected: question.answer, expects: question.expects,
        before: texts.0, after: texts.1, isUnanswerable: question.isUnanswerable)
    }
  }

  /// What is asked: all that have a known answer, else a few to look at.
  func questions() throws -> [Question] {
    let data = valid ?? train
    var questions: [Question] = []
    for index in 0..<min(data.exampleCount, Self.questionLimit) {
      if let question = try data.question(index),
        question.ids.count + 96 < model.spec.contextLength
      {
        questions.append(question)
      }
    }
    let exam = questions.filter { !$0.expects.isEmpty }
    return exam.isEmpty ? Array(questions.prefix(5)) : exam
  }

  func ask(
    _ questions: [Question], _ adapter: any Adapter, isInterrupted: () -> Bool
  ) throws -> [String] {
    guard !questions.isEmpty else { return [] }
    return try Generator(model, adapter: adapter, engine: engine).generate(
      questions.map(\.ids), stop: StopRules(maximumTokens: 64)
    ) { _ in !isInterrupted() }.map { $0.text.trimmingCharacters(in: .whitespacesAndNewlines) }
  }
}

/// What came of a run.
public struct RunResult {
  public var end: TrainingEvent.End
  public var folder: RunFolder
  public var answers: [Answer] = []
  /// What should be known of data and course, a sentence each.
  public var warnings: [String] = []
  var events: [JSONObject] = []

  /// A question and what the model said without and with the adapter.
  public struct Answer: Sendable {
    public var question: String
    public var expected: String
    public var expects: [String]
    public var before: String
    public var after: String
    /// Whether the right answer is that there is none.
    public var isUnanswerable: Bool

    func isRight(_ answer: String) -> Bool { expects.allSatisfy(answer.contains) }
    public var wasRight: Bool { isRight(before) }
    public var isRight: Bool { isRight(after) }
  }

  /// Losses on held-out data of the untrained model and of the adapter that was kept.
  public var heldOutLoss: (before: Double, after: Double)? {
    let validations = events.filter { $0["event"]?.string == "validation" }
    guard
      let before = validations.first(where: { $0["step"]?.integer == 0 })?["loss"]?.double,
      let after = validations.last(where: { $0["step"]?.integer == end.bestStep })?["loss"]?.double
    else { return nil }
    return (before, after)
  }

  /// How many questions with a known answer were answered right, by kind.
  public struct Score: Sendable {
    public var name: String
    public var before: Int
    public var after: Int
    public var count: Int
  }

  /// The scores: of facts, and of questions that the data says are not answered in it, where there
  /// are both.
  public var scores: [Score] {
    let exam = answers.filter { !$0.expects.isEmpty }
    func score(_ name: String, _ answers: [Answer]) -> [Score] {
      answers.isEmpty
        ? []
        : [
          Score(
            name: name, before: answers.count { $0.wasRight }, after: answers.count { $0.isRight },
            count: answers.count)
        ]
    }
    return score("facts recalled", exam.filter { !$0.isUnanswerable })
      + score("unknown things admitted", exam.filter(\.isUnanswerable))
  }
}

// MARK: Settings become options

extension Renderer {
  /// How a model wants its examples written.
  package init(_ model: LanguageModel, trainOn: String = "assistant") throws {
    try self.init(
      model.tokenizer, model.chatFormat, trainOn: TrainOn(rawValue: trainOn) ?? .assistant)
  }

  /// How a model of which only the texts' side is loaded wants its examples written.
  package init(
    _ tokenizer: Tokenizer, _ format: ChatFormat, trainOn: TrainOn = .assistant
  ) throws {
    self.init(
      tokenizer: tokenizer,
      template: format.sources.isEmpty ? nil : try format.template(hasTools: false),
      toolTemplate: format.sources.isEmpty ? nil : try format.template(hasTools: true),
      variables: format.tokens, trainOn: trainOn)
  }
}

extension DataOptions {
  init(_ data: SettingValues, contextLength: Int) {
    self.init()
    maxTokens = min(data.integer("max_tokens"), contextLength)
    packs = data.flag("packing")
    format = ExampleFormat(rawValue: data.text("format"))
    truncation = Truncation(rawValue: data.text("truncation")) ?? .auto
    truncationLimit = data.number("max_truncated")
    for (name, column) in data.namesByName("columns") { columns[name] = column }
  }
}

extension TrainingOptions {
  init(_ training: SettingValues) throws {
    self.init()
    switch training.trainingLength {
    case .epochs(let count): (epochs, steps) = (count, nil)
    case .steps(let count): (epochs, steps) = (nil, count)
    }
    learningRate = training.number("learning_rate")
    schedule = Schedule.Kind(rawValue: training.text("schedule")) ?? .cosine
    warmup = training.number("warmup")
    weightDecay = training.number("weight_decay")
    gradientClip = training.optionalNumber("gradient_clip")
    optimizer = training.text("optimizer")
    seed = UInt64(training.integer("seed"))
    memory = Memory(rawValue: training.text("memory")) ?? .fast
    validateEvery = training.optionalInteger("validate_every")
    patience = training.optionalInteger("early_stopping")
    checkpointEvery = training.optionalInteger("checkpoint_every")
    checkpointsKept = training.integer("keep_checkpoints")
  }
}
