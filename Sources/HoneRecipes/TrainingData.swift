import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneReport
import HoneTraining

/// What a run learns from: texts, or preferences.
package enum TrainingData {
  case texts(DataSet)
  case preferences(PreferenceData)

  /// Reads what a recipe's objective learns from.
  ///
  /// - Parameters:
  ///   - ahead: how many positions an adapter takes before each text.
  ///   - isHeldOut: whether it only measures: what loses tokens measures less and need not fail.
  init(
    _ path: String, of recipe: Recipe, for model: LanguageModel, after ahead: Int = 0,
    isHeldOut: Bool = false
  ) throws {
    let data = recipe.data
    let renderer = try Renderer(model, trainOn: data.text("train_on"))
    let room = model.spec.room(after: ahead)
    guard room >= 2 else {
      throw TrainingError(
        "method",
        problem: """
          takes \(ahead) positions before each text, and the model has \
          \(model.spec.contextLength)
          """, advice: "set fewer")
    }
    var options = DataOptions(data, contextLength: room)
    if isHeldOut { options.truncationLimit = 1 }
    if case .texts = recipe.objective.data {
      self = .texts(try DataSet(path, renderer: renderer, options: options))
      return
    }
    guard options.format == nil else {
      throw TrainingError(
        "data.format",
        problem: "is \(data.text("format")), and \(recipe.objective.name) learns from preferences",
        advice: "leave it at auto: their form is recognised")
    }
    guard data.text("train_on") == "assistant" else {
      throw TrainingError(
        "data.train_on",
        problem:
          "is \(data.text("train_on")), and \(recipe.objective.name) learns from whole answers",
        advice: "leave it at assistant")
    }
    var preferences = PreferenceOptions()
    preferences.maxTokens = options.maxTokens
    preferences.truncation = options.truncation
    preferences.truncationLimit = options.truncationLimit
    preferences.columns = options.columns
    if case .answers = recipe.objective.data { preferences.unpairs = true }
    let found = try PreferenceData(path, renderer: renderer, options: preferences)
    switch recipe.objective.data {
    case .pairs, .rewards: try found.expectPairs(for: recipe.objective.name)
    case .texts, .answers: break
    }
    self = .preferences(found)
  }

  func texts() throws -> DataSet {
    guard case .texts(let data) = self else { throw mismatch("preferences", "texts") }
    return data
  }

  func preferences() throws -> PreferenceData {
    guard case .preferences(let data) = self else { throw mismatch("texts", "preferences") }
    return data
  }

  private func mismatch(_ found: String, _ expected: String) -> TrainingError {
    TrainingError("the data", problem: "has \(found), expected \(expected)")
  }

  // MARK: Size

  /// What a step counts: packed rows, pairs or answers.
  var rowCount: Int {
    switch self {
    case .texts(let data): data.rowCount
    case .preferences(let data): data.count
    }
  }

  var exampleCount: Int {
    switch self {
    case .texts(let data): data.exampleCount
    case .preferences(let data): data.count
    }
  }

  /// Tokens that an epoch runs through the network.
  var tokenCount: Int {
    switch self {
    case .texts(let data): data.statistics.tokens
    case .preferences(let data): data.statistics.tokens
    }
  }

  var fingerprint: String {
    switch self {
    case .texts(let data): data.fingerprint
    case .preferences(let data): data.fingerprint
    }
  }

  /// How much there is, in words.
  package var size: String {
    switch self {
    case .texts(let data):
      let statistics = data.statistics
      return "\(ReportText.count(statistics.examples)) examples, "
        + "\(ReportText.count(statistics.tokens)) tokens in "
        + "\(ReportText.count(statistics.rows)) rows"
    case .preferences(let data):
      return "\(ReportText.count(data.count)) \(data.isPaired ? "pairs" : "answers"), "
        + "\(ReportText.count(data.statistics.tokens)) tokens"
    }
  }

  // MARK: The report

  /// What is known about the data.
  func entries(heldOut: Int) -> [ReportContent.Entry] {
    switch self {
    case .texts(let data):
      let statistics = data.statistics
      return [
        ReportContent.Entry("examples", ReportText.count(statistics.examples)),
        ReportContent.Entry("tokens", ReportText.count(statistics.tokens)),
        ReportContent.Entry("trained tokens", ReportText.count(statistics.trainedTokens)),
        ReportContent.Entry(
          "lengths",
          "\(statistics.shortest) to \(statistics.longest), median \(statistics.median)"),
        ReportContent.Entry(
          "rows",
          "\(ReportText.count(statistics.rows)), \(Int(statistics.efficiency * 100)) % full"),
        ReportContent.Entry("cut", ReportText.count(statistics.truncated)),
        ReportContent.Entry("left out", ReportText.count(statistics.dropped)),
        ReportContent.Entry("held out", "\(heldOut)"),
      ]
    case .preferences(let data):
      let statistics = data.statistics
      return [
        ReportContent.Entry(data.isPaired ? "pairs" : "answers", ReportText.count(data.count)),
        ReportContent.Entry("tokens", ReportText.count(statistics.tokens)),
        ReportContent.Entry("chosen tokens", ReportText.count(statistics.chosenTokens)),
        ReportContent.Entry("rejected tokens", ReportText.count(statistics.rejectedTokens)),
        ReportContent.Entry(
          "lengths",
          "\(statistics.shortest) to \(statistics.longest), median \(statistics.median)"),
        ReportContent.Entry("cut", ReportText.count(statistics.cut)),
        ReportContent.Entry("left out", ReportText.count(statistics.skipped)),
        ReportContent.Entry("held out", "\(heldOut)"),
      ]
    }
  }

  /// What a user should know of it before or after a run.
  func warnings(heldOut: TrainingData?, maxTokens: Int) -> [String] {
    var warnings: [String] = []
    switch (self, heldOut) {
    case (.texts(let data), let heldOut):
      let statistics = data.statistics
      if statistics.truncated + statistics.dropped > 0 {
        warnings.append(
          "\(statistics.truncated) examples are cut and \(statistics.dropped) left out: they are "
            + "longer than \(maxTokens) tokens or have nothing to train on.")
      }
      if statistics.duplicates > 0 {
        warnings.append("\(statistics.duplicates) examples occur more than once.")
      }
      if case .texts(let other) = heldOut {
        let shared = data.sharedExamples(with: other)
        if shared > 0 {
          warnings.append(
            "\(shared) training examples are held-out ones too: that loss says little.")
        }
      }
    case (.preferences(let data), let heldOut):
      warnings += data.lints.map { $0.prefix(1).uppercased() + $0.dropFirst() + "." }
      if case .preferences(let other) = heldOut {
        let shared = data.sharedPrompts(with: other)
        if shared > 0 {
          warnings.append("\(shared) prompts are held-out ones too: that loss says little.")
        }
      }
    }
    return warnings
  }

  /// An example as a question to a model; nil for plain text.
  func question(_ index: Int) throws -> Question? {
    switch self {
    case .texts(let data): return try data.question(index)
    case .preferences(let data): return try data.question(index)
    }
  }
}
