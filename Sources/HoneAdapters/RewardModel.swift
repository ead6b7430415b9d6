import HoneFormats
import HoneModels
import HoneTensors

/// A model that gives an answer one number, how good it is, in place of the next token.
///
/// An adapter of any method changes the network; a trained row `w`, the score head, turns the state of
/// the last token into the reward `wᵀh`. In a folder it is what peft writes for `SEQ_CLS`: the
/// adapter's own tensors, and the head as `score.weight`, `[1 x hidden]`.
public final class RewardModel: TrainableAdapter {
  /// The adapter of the network below the head.
  public let adapter: any TrainableAdapter
  /// `[1 x hidden]`
  let head: Parameter

  static let headName = "base_model.model.score.weight"
  static let taskType = JSONValue.string("SEQ_CLS")
  /// What peft calls the modules of a task that are saved with the adapter.
  private static let moduleNames = [JSONValue.string("classifier"), .string("score")]
  /// How widely the head's numbers are spread at first, as transformers has it.
  private static let spread: Float = 0.02

  /// - Parameter seed: of the head's first numbers.
  public convenience init(
    over adapter: any TrainableAdapter, of model: LanguageModel, engine: Engine, seed: UInt64
  ) {
    let source = RandomSource(seed: seed, purpose: Self.headName)
    let values = (0..<model.spec.hiddenSize).map {
      Self.spread * Float(source.normal(UInt64($0)))
    }
    self.init(over: adapter, head: engine.tensor([1, values.count], values))
  }

  private init(over adapter: any TrainableAdapter, head: Tensor) {
    self.adapter = adapter
    self.head = Parameter(Self.headName, head, decays: false)
  }

  /// The rewards of texts, `[rows x 1]`, recorded.
  ///
  /// - Parameters:
  ///   - hidden: the states of all tokens, `[tokens x hidden]`.
  ///   - rows: where the texts end.
  package func rewards(_ hidden: Tensor, rows: [Int32], in pass: Pass) -> Tensor {
    multiplied(gathered(rows, from: hidden, in: pass), by: head.tensor, in: pass)
  }

  // MARK: The folder

  /// Whether a folder's configuration is a reward model's.
  static func reads(_ config: JSONObject) -> Bool { config["task_type"] == taskType }

  /// Whether a folder holds a reward model; false also where it cannot be read.
  public static func isFolder(_ path: String) -> Bool {
    (try? AdapterFolder.contents(of: path)).map { reads($0.config) } ?? false
  }

  /// Reads a reward model.
  ///
  /// - Throws: ``AdapterError`` with all that is wrong, also when the folder holds an adapter without a
  ///   head.
  public static func load(
    _ path: String, for model: LanguageModel, engine: Engine
  ) throws -> RewardModel {
    var contents = try AdapterFolder.contents(of: path)
    guard reads(contents.config) else {
      throw AdapterError(
        path, problem: "holds an adapter that writes text, expected a reward model",
        advice: "train one with `objective: reward`")
    }
    contents.config["task_type"] = .string("CAUSAL_LM")
    if let modules = contents.config["modules_to_save"]?.array {
      let own = modules.filter { !moduleNames.contains($0) }
      contents.config["modules_to_save"] = own.isEmpty ? .null : .array(own)
    }
    let reader = AdapterReader(
      AdapterContents(
        config: JSONObject(), entries: contents.entries.filter { $0.name == headName }),
      subject: path)
    let head = reader.tensor(headName, shape: [1, model.spec.hiddenSize], engine: engine)
    try reader.finish()
    contents.entries.removeAll { $0.name == headName }
    let adapter = try AdapterFolder.adapter(contents, for: model, engine: engine, subject: path)
    guard let head else { preconditionFailure("a head that is neither there nor missing") }
    return RewardModel(over: adapter, head: head)
  }

  public func folder() throws -> AdapterContents {
    var contents = try adapter.folder()
    contents.config["task_type"] = Self.taskType
    if let modules = contents.config["modules_to_save"] {
      contents.config["modules_to_save"] = .array((modules.array ?? []) + Self.moduleNames)
    }
    contents.entries.append(AdapterContents.Entry(head.name, head.tensor))
    return contents
  }

  public var trainedFileBytes: Int {
    get throws { try adapter.trainedFileBytes + folder().fileBytes - adapter.folder().fileBytes }
  }

  // MARK: Training

  public var methodName: String { adapter.methodName }
  public var parameters: [Parameter] { adapter.parameters + [head] }
  public var state: [(name: String, tensor: Tensor)] {
    adapter.state + [(head.name, head.tensor)]
  }

  public func continued(
    with settings: SettingValues, from subject: String
  ) throws -> any TrainableAdapter {
    RewardModel(over: try adapter.continued(with: settings, from: subject), head: head.tensor)
  }

  public func stepEnded(
    _ step: Int, of stepCount: Int, gradients: Gradients, in engine: Engine
  ) {
    adapter.stepEnded(step, of: stepCount, gradients: gradients, in: engine)
  }

  public var isProvisional: Bool { adapter.isProvisional }

  public var rateFactor: Double { adapter.rateFactor }

  public var obstacleToMerging: String? { "a reward model's head has no place in its base" }

  // MARK: What the adapter changes

  public func embed(_ ids: [Int32], through table: Weight, in pass: Pass) -> Tensor {
    adapter.embed(ids, through: table, in: pass)
  }

  public func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    adapter.project(input, at: sites, through: bases, in: pass)
  }

  public var readsOutputs: Bool { adapter.readsOutputs }

  public func transform(
    _ output: Tensor, after sublayer: Sublayer, layer: Int, residual: Tensor, in pass: Pass
  ) -> Tensor {
    adapter.transform(output, after: sublayer, layer: layer, residual: residual, in: pass)
  }

  public var positionsAhead: Int { adapter.positionsAhead }

  public func prefixes(in pass: Pass) -> [(keys: Tensor, values: Tensor)] {
    adapter.prefixes(in: pass)
  }

  public func virtualTokens(in pass: Pass) -> Tensor? { adapter.virtualTokens(in: pass) }

  public func penalty(in pass: Pass) -> Tensor? { adapter.penalty(in: pass) }

  public func vector(_ base: Tensor, named name: String, in pass: Pass) -> Tensor {
    adapter.vector(base, named: name, in: pass)
  }
}
