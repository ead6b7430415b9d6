import HoneFormats
import HoneTensors

/// What an adapter's folder holds, in peft's names.
public struct AdapterContents {
  /// A tensor of the file.
  public struct Entry {
    package enum Numbers {
      case trained(Tensor)
      /// Of a frozen matrix, or as they stand in a file.
      case stored(Weight)
      case plain([Float])
      /// Places in a list, no numbers to compute with.
      case indices([Int32])
    }

    public let name: String
    public let shape: [Int]
    package let numbers: Numbers

    package init(_ name: String, _ tensor: Tensor) {
      self.init(name, shape: tensor.shape.axes, .trained(tensor))
    }

    package init(_ name: String, shape: [Int], _ numbers: Numbers) {
      self.name = name
      self.shape = shape
      self.numbers = numbers
    }

    /// The numbers in f32, row after row.
    public var values: [Float] {
      switch numbers {
      case .trained(let tensor): tensor.values
      case .stored(let weight): weight.values
      case .plain(let values): values
      case .indices(let places): places.map { Float($0) }
      }
    }
  }

  /// Whose folder it is.
  package enum Kind {
    /// Peft's, and Hone's own.
    case peft
    /// That of AdapterHub's `adapters`.
    case adapterHub

    /// What the file of tensors is called.
    var weightsName: String {
      switch self {
      case .peft: AdapterFolder.weightsName
      case .adapterHub: "adapter.safetensors"
      }
    }
  }

  package var kind = Kind.peft
  /// `adapter_config.json`.
  public var config: JSONObject
  public var entries: [Entry]

  public init(config: JSONObject, entries: [Entry]) {
    self.config = config
    self.entries = entries
  }
}
