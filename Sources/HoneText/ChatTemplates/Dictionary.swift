import HoneFormats

extension Jinja {
  /// Python's `dict`: in order of insertion, keys of any hashable type.
  final class Dictionary {
    private(set) var keys: [Value] = []
    private(set) var values: [Value] = []
    private(set) var depth = 1
    /// Made when the dictionary is too large to search from end to end.
    private var positions: [Key: Int]?

    private static let scanned = 8

    init() {}

    init(_ object: JSONObject) throws {
      keys.reserveCapacity(object.count)
      values.reserveCapacity(object.count)
      for (key, value) in object { try insert(.string(key), try Value(value)) }
    }

    init(copying other: Dictionary) {
      keys = other.keys
      values = other.values
      depth = other.depth
      positions = other.positions
    }

    var count: Int { keys.count }

    var items: [Value] {
      get throws { try zip(keys, values).map { .tuple(try Items([$0, $1])) } }
    }

    /// Nothing when the key is absent; throws when it cannot be a key.
    func value(for key: Value) throws -> Value? {
      try position(of: key).map { values[$0] }
    }

    subscript(name: String) -> Value? {
      if let positions { return positions[Key(text: name)].map { values[$0] } }
      return scan(name).map { values[$0] }
    }

    /// Only while the dictionary is being made: later others may hold it.
    func insert(_ key: Value, _ value: Value) throws {
      depth = max(depth, try Items.depth(holding: [key, value]))
      if let position = try position(of: key) {
        values[position] = value
        return
      }
      if positions == nil, keys.count == Self.scanned {
        var made: [Key: Int] = [:]
        for (index, key) in keys.enumerated() { made[try Key(key)] = index }
        positions = made
      }
      positions?[try Key(key)] = keys.count
      keys.append(key)
      values.append(value)
    }

    func removeAll() {
      keys = []
      values = []
      positions = nil
    }

    private func scan(_ name: String) -> Int? {
      for (index, key) in keys.enumerated() {
        if case .string(let text) = key, Text.areEqual(text, name) { return index }
        if case .markup(let text) = key, Text.areEqual(text, name) { return index }
      }
      return nil
    }

    private func position(of key: Value) throws -> Int? {
      if positions == nil, let text = key.text { return scan(text) }
      let key = try Key(key)
      if let positions { return positions[key] }
      for (index, other) in keys.enumerated() where try Key(other) == key { return index }
      return nil
    }

    /// A value by Python's hashing: equal numbers of different types are one key.
    struct Key: Hashable {
      private enum Kind: Hashable {
        case text([UInt8])
        case integer(Int)
        case float(Double)
        case none, undefined
        case tuple([Key])
        case range(Int, first: Int, step: Int)
        case identity(ObjectIdentifier)
      }

      private let kind: Kind

      init(text: String) { kind = .text(Array(text.utf8)) }

      init(_ value: Value) throws {
        var room = Limits.keyElements
        try self.init(value, &room)
      }

      private init(_ value: Value, _ room: inout Int) throws {
        room -= 1
        guard room > 0 else {
          throw Failure(
            .limit, "a tuple of more than \(Limits.keyElements) elements as a key")
        }
        switch value {
        case .string(let text), .markup(let text): kind = .text(Array(text.utf8))
        case .int(let value): kind = .integer(value)
        case .bool(let value): kind = .integer(value ? 1 : 0)
        case .float(let value): kind = Int(exactly: value).map(Kind.integer) ?? .float(value)
        case .none: kind = .none
        case .undefined, .missing: kind = .undefined
        case .tuple(let items): kind = .tuple(try items.values.map { try Key($0, &room) })
        case .range(let range):
          kind = .range(range.count, first: range.start, step: range.step)
        case .namespace(let object): kind = .identity(ObjectIdentifier(object))
        case .macro(let object): kind = .identity(ObjectIdentifier(object))
        case .function(let object): kind = .identity(ObjectIdentifier(object))
        case .generator(let object): kind = .identity(ObjectIdentifier(object))
        case .loop(let object): kind = .identity(ObjectIdentifier(object))
        case .cycler(let object): kind = .identity(ObjectIdentifier(object))
        case .joiner(let object): kind = .identity(ObjectIdentifier(object))
        case .view(let object) where object.kind == .values:
          kind = .identity(ObjectIdentifier(object))
        case .list, .dict, .view:
          throw Failure(.type, "unhashable type: '\(value.typeName)'")
        }
      }
    }
  }

  /// What `keys()`, `values()` and `items()` give.
  final class DictionaryView {
    enum Kind: String {
      case keys = "dict_keys"
      case values = "dict_values"
      case items = "dict_items"
    }

    let kind: Kind
    let dictionary: Dictionary

    init(_ kind: Kind, of dictionary: Dictionary) {
      self.kind = kind
      self.dictionary = dictionary
    }

    var elements: [Value] {
      get throws {
        switch kind {
        case .keys: dictionary.keys
        case .values: dictionary.values
        case .items: try dictionary.items
        }
      }
    }
  }
}
