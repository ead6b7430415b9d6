import HoneFormats
import HoneModels
import HoneTensors

/// What people compare methods by: `hone methods` prints it.
public struct MethodFacts: Sendable {
  /// A program whose files an adapter is read from and written as.
  public enum Peer: Sendable, Equatable {
    /// peft, under this `peft_type`; `only` says which adapters, where not all.
    case peft(_ type: String, only: String? = nil)
    /// AdapterHub's `adapters`.
    case adapterHub(only: String? = nil)
  }

  /// What is trained, in a few words: `two thin matrices beside each projection`.
  public let trained: String
  /// What the number of parameters comes from: `rank · (inputs + outputs) a projection`.
  public let parameters: String
  /// What training keeps beside the model and its activations.
  public let memory: String
  /// Whether an adapter with the default settings can be merged into its base.
  public let merges: Bool
  /// Whose files these are; empty for a folder that is Hone's own.
  public let exchange: [Peer]
  /// How many numbers of its own it makes for each number of the model's matrices; 0 for a method that
  /// is small beside the model.
  public let numbersPerWeight: Int

  public init(
    trained: String, parameters: String, memory: String = MethodFacts.usualMemory, merges: Bool,
    exchange: [Peer], numbersPerWeight: Int = 0
  ) {
    self.trained = trained
    self.parameters = parameters
    self.memory = memory
    self.merges = merges
    self.exchange = exchange
    self.numbersPerWeight = numbersPerWeight
  }

  /// A number, its gradient and the optimiser's two moments, in f32.
  public static let usualMemory = "16 bytes a parameter"
}

extension MethodFacts.Peer: CustomStringConvertible {
  public var description: String {
    let (name, only) =
      switch self {
      case .peft(_, let only): ("peft", only)
      case .adapterHub(let only): ("adapters", only)
      }
    return only.map { "\(name) (\($0))" } ?? name
  }
}

/// What a method with its default settings comes to on a model.
public struct MethodFigures: Sendable, Equatable {
  /// How many numbers are trained.
  public let parameters: Int
  /// How large its folder's files are after training.
  public let fileBytes: Int
  /// What training keeps beside the model and its activations: the adapter's state, a gradient and
  /// the two moments of AdamW for each parameter.
  public let memoryBytes: Int
}

extension AdapterMethod {
  /// Makes an adapter with the default settings, counts, and throws it away.
  ///
  /// - Parameter availableBytes: the memory that it may take.
  /// - Throws: ``AdapterError`` when the model has nothing for the method to act on, or when making
  ///   the adapter alone would take more memory.
  public func figures(
    on model: LanguageModel, availableBytes: Int = .max, engine: Engine
  ) throws -> MethodFigures {
    let weights = model.spec.sites.reduce(0) {
      $0 + model.spec.size(of: $1).inputs * model.spec.size(of: $1).outputs
    }
    let needed = 4 * facts.numbersPerWeight * weights
    guard needed <= availableBytes else {
      throw AdapterError(
        name,
        problem: """
          is not counted: its numbers alone take \(needed.asBytes), and there are \
          \(availableBytes.asBytes)
          """)
    }
    let adapter = try make(values(), model, engine, 1)
    let state = adapter.state.reduce(0) { $0 + $1.tensor.byteCount }
    return MethodFigures(
      parameters: adapter.parameterCount, fileBytes: try adapter.trainedFileBytes,
      memoryBytes: state + 12 * adapter.parameterCount)
  }
}

extension AdapterContents {
  /// How large the folder's two files are.
  package var fileBytes: Int {
    let (size, _) = AdapterFolder.layout(of: self)
    return size + AdapterFolder.text(of: self).count
  }
}
