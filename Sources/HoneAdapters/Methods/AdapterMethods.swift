import HoneFormats
import HoneModels
import HoneTensors

/// A way of adapting a model: what a recipe may set, and how an adapter is made and read.
///
/// A new method is one file beside this one and one line in ``AdapterMethods/all``.
public struct AdapterMethod: Sendable {
  /// The key in a recipe: `lora`.
  public let name: String
  /// One sentence for the help.
  public let summary: String
  /// Where the method is defined.
  public let source: String
  /// The learning rate of a recipe that sets none: one that learns on a small model.
  public let learningRate: Double
  /// What people compare it with others by.
  public let facts: MethodFacts
  public let settings: [Setting]
  /// Why an untrained adapter already changes the model; nil when it changes nothing.
  public let changeAtStart: String?
  /// Settings beside the defaults that show what the method can do: the help prints them, and the
  /// contract's tests run over them.
  public let examples: [JSONObject]
  /// Whether an `adapter_config.json` describes an adapter of this method.
  package let reads: @Sendable (JSONObject) -> Bool
  /// Makes an untrained adapter of a model; the seed decides its random numbers.
  package let make:
    @Sendable (SettingValues, LanguageModel, Engine, _ seed: UInt64) throws -> any TrainableAdapter
  /// Makes an adapter of a model from what a folder holds.
  package let load: @Sendable (AdapterReader, LanguageModel, Engine) throws -> any TrainableAdapter

  package init(
    name: String, summary: String, source: String, learningRate: Double,
    facts: MethodFacts, settings: [Setting],
    changeAtStart: String? = nil, examples: [JSONObject] = [],
    reads: @escaping @Sendable (JSONObject) -> Bool,
    make:
      @escaping @Sendable (SettingValues, LanguageModel, Engine, _ seed: UInt64) throws
      -> any TrainableAdapter,
    load:
      @escaping @Sendable (AdapterReader, LanguageModel, Engine) throws -> any TrainableAdapter
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.learningRate = learningRate
    self.facts = facts
    self.settings = settings
    self.changeAtStart = changeAtStart
    self.examples = examples
    self.reads = reads
    self.make = make
    self.load = load
  }

  /// Checks what a recipe sets.
  ///
  /// - Throws: ``SettingsError`` with all unknown keys and unfit values.
  public func values(_ given: JSONObject = JSONObject()) throws -> SettingValues {
    try SettingValues(settings, given: given, of: name)
  }
}

/// The methods that Hone knows.
public enum AdapterMethods {
  public static let all: [AdapterMethod] = [
    LoRA.method, DoRA.method, PiSSA.method, AdaLoRA.method,
    LoHa.method, LoKr.method, VeRA.method, OFT.method,
    PromptTuning.method, PTuning.method, PrefixTuning.method,
    IA3.method,
    Bottleneck.method,
    BitFit.method,
    Selective.method,
    Selective.fullMethod,
    DiffPruning.method,
  ]

  /// The method of a recipe's key.
  ///
  /// - Throws: ``AdapterError`` that names the nearest.
  public static func named(_ name: String) throws -> AdapterMethod {
    if let method = all.first(where: { $0.name == name }) { return method }
    let names = all.map(\.name)
    throw AdapterError(
      name, problem: "is not a method of adaptation",
      advice: name.nearest(in: names).map { "did you mean \($0)?" }
        ?? "there are \(names.joined(separator: ", "))")
  }
}
