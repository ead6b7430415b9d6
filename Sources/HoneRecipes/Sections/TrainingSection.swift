import HoneAdapters
import HoneFormats
import HoneTensors
import HoneTraining

/// What a recipe says under `training`.
public enum TrainingSection {
  public static let settings: [Setting] = {
    let defaults = TrainingOptions()
    return [
      Setting(
        "epochs", .number(1e-6...(.infinity)), default: .null,
        "Times through the data, also a part of one; 3 where neither epochs nor steps is set."),
      Setting(
        "steps", .integer(1...Int.max), default: .null,
        "Updates of the weights, in place of epochs."),
      Setting(
        "batch_size", .integer(1...Int.max), default: .integer(4),
        "Rows computed at once: packed rows with packing, examples without."),
      Setting(
        "gradient_accumulation", .integer(1...Int.max), default: .integer(1),
        "Batches gathered before each update; as one larger batch, in the memory of one."),
      Setting(
        "learning_rate", .number(1e-12...10), default: .number(defaults.learningRate),
        "The step width at its highest."),
      Setting(
        "schedule", .choice(Schedule.Kind.allCases.map(\.rawValue)),
        default: .string(defaults.schedule.rawValue),
        "How the learning rate goes on after the warm-up: it stays, or falls to zero."),
      Setting(
        "warmup", .number(0...(.infinity)), default: .number(defaults.warmup),
        "How long it rises from zero: a share of all steps below 1, or a number of steps."),
      Setting(
        "weight_decay", .number(0...1), default: .number(defaults.weightDecay),
        "How strongly weights are pulled towards zero."),
      Setting(
        "gradient_clip", .number(1e-12...(.infinity)),
        default: defaults.gradientClip.map(JSONValue.number) ?? .null, allowsNone: true,
        "The largest norm of all gradients together; larger ones are scaled down to it."),
      Setting(
        "optimizer", .choice(Optimizers.all.map(\.name)), default: .string(defaults.optimizer),
        "How gradients become updates; adafactor keeps little beside the weights, sgd nothing."),
      Setting(
        "seed", .integer(0...Int.max), default: .integer(Int(clamping: defaults.seed)),
        "Decides all that is random: the same seed gives the same adapter, bit for bit."),
      Setting(
        "compute", .choice(Compute.allCases.map(\.rawValue)),
        default: .string(Compute.auto.rawValue),
        "The numbers inside matrix products; auto takes the fastest that the machine has."),
      Setting(
        "memory", .choice(TrainingOptions.Memory.allCases.map(\.rawValue)),
        default: .string(defaults.memory.rawValue),
        "Whether saving: blocks are computed anew on the way back, and little is kept; slower."),
      Setting(
        "validate_every", .integer(1...Int.max), default: .null,
        "Steps between validations; none for the end of each epoch."),
      Setting(
        "early_stopping", .integer(1...Int.max), default: .null,
        "Stops after this many validations without a better loss."),
      Setting(
        "checkpoint_every", .integer(1...Int.max), default: .null,
        "Steps between checkpoints, the most that a killed run loses; none for each epoch's end."),
      Setting(
        "keep_checkpoints", .integer(1...Int.max), default: .integer(defaults.checkpointsKept),
        "How many checkpoints are kept, beside the best."),
    ]
  }()
}

extension Recipe {
  /// How the run goes.
  public var trainingOptions: TrainingOptions {
    var options = TrainingOptions()
    options.steps = training.optionalInteger("steps")
    if options.steps != nil {
      options.epochs = nil
    } else if let epochs = training.optionalNumber("epochs") {
      options.epochs = epochs
    }
    options.learningRate = training.number("learning_rate")
    options.schedule = Schedule.Kind(rawValue: training.text("schedule")) ?? options.schedule
    options.warmup = training.number("warmup")
    options.weightDecay = training.number("weight_decay")
    options.gradientClip = training.optionalNumber("gradient_clip")
    options.optimizer = training.text("optimizer")
    options.seed = UInt64(training.integer("seed"))
    options.memory = .init(rawValue: training.text("memory")) ?? options.memory
    options.validateEvery = training.optionalInteger("validate_every")
    options.patience = training.optionalInteger("early_stopping")
    options.checkpointEvery = training.optionalInteger("checkpoint_every")
    options.checkpointsKept = training.integer("keep_checkpoints")
    return options
  }

  /// How operands of matrix products are rounded.
  public var compute: Compute { Compute(rawValue: training.text("compute")) ?? .auto }

  /// Rows computed at once.
  public var batchSize: Int { training.integer("batch_size") }

  /// Batches gathered before each update.
  public var gradientAccumulation: Int { training.integer("gradient_accumulation") }
}
