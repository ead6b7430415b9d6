import HoneAdapters
import HoneData
import HoneFormats
import HoneTensors
import HoneTraining
import Testing

@testable import HoneRecipes

@Suite struct SectionsTests {
  private func choices(_ key: String, _ settings: [Setting]) -> [String] {
    for case .choice(let names) in settings.filter({ $0.key == key }).map(\.kind) { return names }
    return []
  }

  private func defaults(_ settings: [Setting]) throws -> SettingValues {
    try SettingValues(settings, of: "defaults")
  }

  @Test func `data has the choices of those who read it, and their defaults`() throws {
    let settings = DataSection.settings
    #expect(choices("format", settings) == ["auto"] + ExampleFormat.allCases.map(\.rawValue))
    #expect(choices("truncation", settings) == Truncation.allCases.map(\.rawValue))
    #expect(choices("train_on", settings) == TrainOn.allCases.map(\.rawValue))
    let (values, options) = (try defaults(settings), DataOptions())
    #expect(values.integer("max_tokens") == options.maxTokens)
    #expect(values.flag("packing") == options.packs)
    #expect(values.text("truncation") == options.truncation.rawValue)
    #expect(values.number("max_truncated") == options.truncationLimit)
  }

  @Test func `training has the choices of those who follow it, and their defaults`() throws {
    let settings = TrainingSection.settings
    #expect(choices("schedule", settings) == Schedule.Kind.allCases.map(\.rawValue))
    #expect(choices("optimizer", settings).sorted() == Optimizers.all.map(\.name).sorted())
    #expect(choices("compute", settings).sorted() == Compute.allCases.map(\.rawValue).sorted())
    #expect(
      choices("memory", settings) == TrainingOptions.Memory.allCases.map(\.rawValue))
    let (values, options) = (try defaults(settings), TrainingOptions())
    #expect(values.trainingLength == options.epochs.map { .epochs($0) })
    #expect(!values.isSet("learning_rate"))
    #expect(values.text("schedule") == options.schedule.rawValue)
    #expect(values.number("warmup") == options.warmup)
    #expect(values.number("weight_decay") == options.weightDecay)
    #expect(values.optionalNumber("gradient_clip") == options.gradientClip)
    #expect(values.text("optimizer") == options.optimizer)
    #expect(UInt64(values.integer("seed")) == options.seed)
    #expect(values.text("memory") == options.memory.rawValue)
    #expect(values.optionalInteger("validate_every") == options.validateEvery)
    #expect(values.optionalInteger("early_stopping") == options.patience)
    #expect(values.optionalInteger("checkpoint_every") == options.checkpointEvery)
    #expect(values.integer("keep_checkpoints") == options.checkpointsKept)
  }
}
