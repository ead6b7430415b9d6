import HoneFormats

extension JSONValue {
  /// The values without parts that it is made of, in their order; null says nothing and is no value.
  var leaves: [JSONValue] {
    switch self {
    case .null: []
    case .array(let items): items.flatMap(\.leaves)
    case .object(let object): object.values.flatMap(\.leaves)
    case .bool, .integer, .number, .string: [self]
    }
  }

  /// A value as people write it: a text without quotes.
  var shown: String { string ?? text() }
}
