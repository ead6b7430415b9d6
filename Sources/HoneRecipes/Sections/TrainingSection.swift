import HoneAdapters
import HoneFormats

/// What a recipe says under `training`.
public enum TrainingSection {
  /// How long training goes on where the recipe does not say.
  static let defaultEpochs = 3.0

  public static let settings: [Setting] = [
    Setting(
      "epochs", .number(1e-6...(.infinity)), default: .null,
      "Times through the data, also a part of one; 3 where neither epochs nor steps is set."),
    Setting(
      "steps", .integer(1...Int.max), default: .null,
      "Updates of the weights, in place of epochs."),
    Setting(
      "batch_size", .integer(1...Int.max), default: .integer(1),
      "Rows computed at once: packed rows with packing, examples without."),
    Setting(
      "gradient_accumulation", .integer(1...Int.max), default: .integer(1),
      "Batches gathered before each update; as one larger batch, in the memory of one."),
    Setting(
      "learning_rate", .number(1e-12...10), default: .null,
      "The step width at its highest; each method has its own where it is not set."),
    Setting(
      "schedule", .choice(["constant", "linear", "cosine"]), default: .string("cosine"),
      "How the learning rate goes on after the warm-up: it stays, or falls to zero."),
    Setting(
      "warmup", .number(0...(.infinity)), default: .number(0.03),
      "How long it rises from zero: a share of all steps below 1, or a number of steps."),
    Setting(
      "weight_decay", .number(0...1), default: .number(0),
      "How strongly weights are pulled towards zero."),
    Setting(
      "gradient_clip", .number(1e-12...(.infinity)), default: .number(1), allowsNone: true,
      "The largest norm of all gradients together; larger ones are scaled down to it."),
    Setting(
      "optimizer", .choice(["adamw", "sgd", "adafactor"]), default: .string("adamw"),
      "How gradients become updates; adafactor needs the least memory."),
    Setting(
      "seed", .integer(0...Int.max), default: .integer(7),
      "Decides all that is random: the same seed gives the same adapter, bit for bit."),
    Setting(
      "compute", .choice(["auto", "f32", "bf16"]), default: .string("auto"),
      "The numbers inside matrix products; auto takes the fastest that the machine has."),
    Setting(
      "memory", .choice(["fast", "saving"]), default: .string("fast"),
      "Whether saving: blocks are computed anew on the way back, and little is kept; slower."),
    Setting(
      "validate_every", .integer(1...Int.max), default: .null,
      "Steps between validations; none for the end of each epoch."),
    Setting(
      "early_stopping", .integer(1...Int.max), default: .null,
      "Stops after this many validations without a better loss."),
    Setting(
      "checkpoint_every", .integer(1...Int.max), default: .null,
      "Steps between checkpoints, which is what a killed run can lose; none for the end of each epoch."
    ),
    Setting(
      "keep_checkpoints", .integer(1...Int.max), default: .integer(2),
      "How many checkpoints are kept, beside the best."),
  ]
}

/// How long training goes on.
public enum TrainingLength: Equatable, Sendable {
  case epochs(Double)
  case steps(Int)
}

/// How long the learning rate rises from zero.
public enum TrainingWarmup: Equatable, Sendable {
  /// A share of all steps, below 1.
  case share(Double)
  case steps(Int)
}

extension SettingValues {
  /// The `epochs` or `steps` of a training section.
  public var trainingLength: TrainingLength {
    if let steps = optionalInteger("steps") { return .steps(steps) }
    return .epochs(optionalNumber("epochs") ?? TrainingSection.defaultEpochs)
  }

  /// The `warmup` of a training section.
  public var trainingWarmup: TrainingWarmup {
    let value = number("warmup")
    return value < 1 ? .share(value) : .steps(Int(exactly: value) ?? .max)
  }
}
