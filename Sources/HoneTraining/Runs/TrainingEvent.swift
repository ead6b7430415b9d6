import HoneFormats

/// What a run tells of itself while it goes; a line of `events.jsonl` each.
public enum TrainingEvent: Sendable {
  /// How far the reference's log-probabilities are, before the first step.
  case reference(Reference)
  /// A stage of a recipe with several begins, or is found finished.
  case stage(Stage)
  /// What will happen.
  case plan(Plan)
  case step(Step)
  case validation(Validation)
  /// A checkpoint was written.
  case checkpoint(step: Int, path: String)
  case end(End)

  public struct Reference: Sendable {
    /// Pairs, or answers with a label.
    public var completed: Int
    public var count: Int
    public var seconds: Double
    /// What is worth knowing: that they were read from the disk, or why not.
    public var note: String

    package init(completed: Int, count: Int, seconds: Double, note: String = "") {
      self.completed = completed
      self.count = count
      self.seconds = seconds
      self.note = note
    }
  }

  public struct Stage: Sendable {
    public var name: String
    /// Which one it is, from 1, and of how many.
    public var number: Int
    public var count: Int
    /// Whether it was trained before and is only looked at.
    public var isFinished: Bool

    package init(name: String, number: Int, count: Int, isFinished: Bool) {
      self.name = name
      self.number = number
      self.count = count
      self.isFinished = isFinished
    }
  }

  public struct Plan: Sendable {
    public var steps: Int
    public var stepsPerEpoch: Int
    public var trainedParameters: Int
    /// The step that a resumed run goes on after; 0 for a new one.
    public var startStep: Int
    public var seed: UInt64
  }

  public struct Step: Sendable {
    public var step: Int
    public var loss: Double
    /// Of the whole gradient, before clipping.
    public var gradientNorm: Double
    public var learningRate: Double
    public var epoch: Double
    public var tokens: Int
    public var trainedTokens: Int
    public var tokensPerSecond: Double
    public var seconds: Double
    public var peakMemory: Int
    public var metrics: [Metric]
  }

  /// A number that an objective reports, a mean over a step or a validation.
  public struct Metric: Sendable, Equatable {
    public var name: String
    public var value: Double
  }

  public struct Validation: Sendable {
    public var step: Int
    public var loss: Double
    public var isBest: Bool
    public var seconds: Double
    public var metrics: [Metric]
  }

  public struct End: Sendable {
    public enum Reason: String, Sendable {
      case completed
      case earlyStopping = "early_stopping"
      case interrupted
    }

    public var reason: Reason
    public var step: Int
    public var bestStep: Int?
    public var seconds: Double
    public var peakMemory: Int

    init(
      reason: Reason, step: Int, bestStep: Int?, seconds: Double, peakMemory: Int
    ) {
      self.reason = reason
      self.step = step
      self.bestStep = bestStep
      self.seconds = seconds
      self.peakMemory = peakMemory
    }

    /// Reads it from its line in `events.jsonl`; nil when that says something else.
    package init?(event: JSONObject) {
      guard let reason = event["reason"]?.string.flatMap(Reason.init),
        let step = event["step"]?.integer,
        let seconds = event["seconds"]?.double, let memory = event["peak_memory_bytes"]?.integer
      else { return nil }
      self.init(
        reason: reason, step: step, bestStep: event["best_step"]?.integer, seconds: seconds,
        peakMemory: memory)
    }

    /// Of a run that was interrupted before it began.
    package init(interruptedAfter step: Int, peakMemory: Int) {
      self.init(
        reason: .interrupted, step: step, bestStep: nil, seconds: 0, peakMemory: peakMemory)
    }
  }

  /// The event as a line of `events.jsonl`, without its end.
  public var line: String {
    let members: [(String, JSONValue)]
    switch self {
    case .reference(let reference):
      members = [
        ("event", .string("reference")), ("completed", .integer(reference.completed)),
        ("count", .integer(reference.count)), ("seconds", .number(reference.seconds)),
        ("note", .string(reference.note)),
      ]
    case .stage(let stage):
      members = [
        ("event", .string("stage")), ("name", .string(stage.name)),
        ("number", .integer(stage.number)), ("count", .integer(stage.count)),
        ("finished", .bool(stage.isFinished)),
      ]
    case .plan(let plan):
      members = [
        ("event", .string("plan")), ("steps", .integer(plan.steps)),
        ("steps_per_epoch", .integer(plan.stepsPerEpoch)),
        ("trained_parameters", .integer(plan.trainedParameters)),
        ("start_step", .integer(plan.startStep)), ("seed", .integer(Int(clamping: plan.seed))),
      ]
    case .step(let step):
      members =
        [
          ("event", .string("step")), ("step", .integer(step.step)), ("loss", .number(step.loss)),
          ("grad_norm", .number(step.gradientNorm)),
          ("learning_rate", .number(step.learningRate)), ("epoch", .number(step.epoch)),
          ("tokens", .integer(step.tokens)), ("trained_tokens", .integer(step.trainedTokens)),
          ("tokens_per_second", .number(step.tokensPerSecond)),
          ("seconds", .number(step.seconds)), ("peak_memory_bytes", .integer(step.peakMemory)),
        ] + step.metrics.map { ($0.name, .number($0.value)) }
    case .validation(let validation):
      members =
        [
          ("event", .string("validation")), ("step", .integer(validation.step)),
          ("loss", .number(validation.loss)), ("best", .bool(validation.isBest)),
          ("seconds", .number(validation.seconds)),
        ] + validation.metrics.map { ($0.name, .number($0.value)) }
    case .checkpoint(let step, let path):
      members = [
        ("event", .string("checkpoint")), ("step", .integer(step)), ("path", .string(path)),
      ]
    case .end(let end):
      members = [
        ("event", .string("end")), ("reason", .string(end.reason.rawValue)),
        ("step", .integer(end.step)), ("best_step", end.bestStep.map { .integer($0) } ?? .null),
        ("seconds", .number(end.seconds)), ("peak_memory_bytes", .integer(end.peakMemory)),
      ]
    }
    return JSONValue.object(JSONObject(members)).text(.spaced)
  }
}
