import HoneFormats
import HoneModels
import HoneTensors

/// Numbers that training changes.
public struct Parameter {
  /// The name in the adapter's file: `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight`.
  public let name: String
  /// The numbers, changed in place; their gradient is filed under this tensor.
  public let tensor: Tensor
  /// What the learning rate is multiplied by; LoRA+ has more for B than for A.
  public let rateFactor: Float
  /// Whether weight decay pulls it towards zero.
  public let decays: Bool

  public init(_ name: String, _ tensor: Tensor, rateFactor: Float = 1, decays: Bool = true) {
    self.name = name
    self.tensor = tensor
    self.rateFactor = rateFactor
    self.decays = decays
    tensor.needsGradient = true
  }
}

/// An adapter that can be trained, saved and, where its method allows, merged into its base.
///
/// What it does to the network stands in the hooks of ``HoneModels/Adapter``.
public protocol TrainableAdapter: Adapter {
  /// The name of its method in ``AdapterMethods``.
  var methodName: String { get }

  /// What is trained, in a fixed order; the names are unique.
  var parameters: [Parameter] { get }

  /// All that a checkpoint must hold for training to go on to the bit: the parameters, and what a
  /// method keeps beside them (the mask of a pruned matrix).
  var state: [(name: String, tensor: Tensor)] { get }

  /// What it looks like in a folder: peft's configuration and tensors.
  ///
  /// A method may keep less in the folder than in its ``state``: what only training needs stays in
  /// checkpoints.
  func folder() throws -> AdapterContents

  /// How large its folder's files are once it is trained.
  var trainedFileBytes: Int { get throws }

  /// An adapter read from a folder as training goes on with it under a recipe's settings; those
  /// that were left to their defaults ask for nothing.
  ///
  /// - Parameter subject: what errors call the adapter: its folder.
  /// - Throws: ``AdapterError`` with every setting that the folder contradicts, and both values.
  func continued(
    with settings: SettingValues, from subject: String
  ) throws -> any TrainableAdapter

  /// Called after each step's parameters were updated, before anything else computes with them.
  ///
  /// - Parameters:
  ///   - step: the step that ended, from 1.
  ///   - stepCount: how many there will be.
  func stepEnded(_ step: Int, of stepCount: Int, gradients: Gradients, in engine: Engine)

  /// Whether training has yet to bring it into the form in which it is kept; what is validated before
  /// that is never the best.
  var isProvisional: Bool { get }

  /// What all learning rates are multiplied by at present; a method in phases has more than one.
  var rateFactor: Double { get }

  /// One adapter that does what this one and others do together, quicker than a stack of them; nil
  /// when the method has none.
  func joined(with others: [any TrainableAdapter], in engine: Engine) -> (any Adapter)?

  /// Why the adapter cannot be merged into its base; nil when it can.
  var obstacleToMerging: String? { get }

  /// Changes a projection, or the embedding's table, into one that alone computes what base and
  /// adapter do together.
  func merge(into projection: inout MergedProjection, at site: Site)

  /// Whether merging gives a projection a bias that the base does not have.
  func addsBias(at site: Site) -> Bool
}

extension TrainableAdapter {
  public var state: [(name: String, tensor: Tensor)] { parameters.map { ($0.name, $0.tensor) } }

  public var trainedFileBytes: Int { get throws { try folder().fileBytes } }

  /// A method whose settings decide shapes or starts alone takes all of them from the folder.
  public func continued(
    with settings: SettingValues, from subject: String
  ) throws -> any TrainableAdapter {
    let faults = settings.givenKeys.map { "\($0): is set in the recipe" }.sorted()
    guard faults.isEmpty else {
      throw AdapterError(
        subject, faults: faults,
        advice: "what goes on from a folder takes its settings: leave them out of the recipe")
    }
    return self
  }

  public func stepEnded(_ step: Int, of stepCount: Int, gradients: Gradients, in engine: Engine) {}

  public var isProvisional: Bool { false }

  public var rateFactor: Double { 1 }

  public func joined(with others: [any TrainableAdapter], in engine: Engine) -> (any Adapter)? {
    nil
  }

  public var obstacleToMerging: String? { nil }

  public func merge(into projection: inout MergedProjection, at site: Site) {}

  public func addsBias(at site: Site) -> Bool { false }

  /// How many numbers are trained.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.tensor.shape.count } }
}

/// A projection with its numbers in f32, for an adapter to be merged into.
public struct MergedProjection {
  public let rows: Int
  public let columns: Int
  /// `rows x columns`.
  public var weight: [Float]
  /// `rows` numbers, or nil.
  public var bias: [Float]?

  package init(_ projection: Projection) {
    rows = projection.outputCount
    columns = projection.inputCount
    weight = projection.weight.values
    bias = projection.bias?.values
  }
}
