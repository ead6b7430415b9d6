import HoneAdapters
import HoneData
import HoneModels
import HoneTraining

/// What the model and the adapters of all stages make of the held-out data of all stages.
public struct ChainComparison: Sendable {
  /// The untrained model, then the stages.
  public var columns: [String] = []
  /// Questions of all stages, each with an answer a column.
  public var answers: [Answer] = []
  /// How many questions are answered right, a number a column.
  public var scores: [Score] = []
  /// The share of held-out pairs of which the chosen answer is the likelier one, a number a column.
  public var likelier: [Share] = []

  public struct Answer: Sendable {
    public var stage: String
    public var question: String
    public var expects: [String]
    public var isUnanswerable: Bool
    public var texts: [String]

    func isRight(_ column: Int) -> Bool { expects.allSatisfy(texts[column].contains) }
  }

  public struct Score: Sendable {
    public var name: String
    public var right: [Int]
    public var count: Int
  }

  public struct Share: Sendable {
    public var stage: String
    public var values: [Double]
  }
}

extension ChainRun {
  /// Asks and measures; nil when interrupted.
  func compare(
    _ stages: [StageResult], isInterrupted: () -> Bool
  ) throws -> ChainComparison? {
    // A reward model answers nothing.
    let stages = stages.filter { !$0.pipeline.recipe.objective.givesRewards }
    var comparison = ChainComparison(columns: ["base"] + stages.map(\.name))
    var adapters: [any Adapter] = [NoAdapter()]
    for stage in stages {
      let pipeline = stage.pipeline
      adapters.append(
        try AdapterFolder.load(
          pipeline.folder.adapterPath, for: pipeline.model, engine: pipeline.engine))
    }
    for stage in stages {
      let pipeline = stage.pipeline
      let questions = try pipeline.questions()
      let texts = try adapters.map {
        try pipeline.ask(questions, $0, isInterrupted: isInterrupted)
      }
      if isInterrupted() { return nil }
      comparison.answers += questions.enumerated().map { index, question in
        ChainComparison.Answer(
          stage: stage.name, question: question.text, expects: question.expects,
          isUnanswerable: question.isUnanswerable, texts: texts.map { $0[index] })
      }
      guard case .preferences(let held)? = pipeline.valid, held.isPaired else { continue }
      var shares: [Double] = []
      for adapter in adapters {
        guard
          let scores = try ReferenceScores.compute(
            held, batchSize: pipeline.recipe.training.integer("batch_size"),
            decoder: pipeline.model.decoder, adapter: adapter, engine: pipeline.engine,
            isInterrupted: isInterrupted)
        else { return nil }
        shares.append(scores.shareOfLikelierChosen(of: held.count))
      }
      comparison.likelier.append(ChainComparison.Share(stage: stage.name, values: shares))
    }
    for (name, isUnanswerable) in [("facts recalled", false), ("unknown things admitted", true)] {
      let asked = comparison.answers.filter {
        !$0.expects.isEmpty && $0.isUnanswerable == isUnanswerable
      }
      guard !asked.isEmpty else { continue }
      comparison.scores.append(
        ChainComparison.Score(
          name: name,
          right: comparison.columns.indices.map { column in asked.count { $0.isRight(column) } },
          count: asked.count))
    }
    return comparison
  }
}
