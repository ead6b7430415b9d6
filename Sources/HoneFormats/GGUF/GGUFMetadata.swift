/// The metadata of a GGUF file: typed values under unique keys, in the file's order.
package struct GGUFMetadata: Sendable {
  package private(set) var keys: [String] = []
  private var values: [GGUFValue] = []
  private var positions: [String: Int] = [:]
  private let file: String

  init(file: String) { self.file = file }

  package var count: Int { keys.count }

  package subscript(key: String) -> GGUFValue? { positions[key].map { values[$0] } }

  /// Adds a value; false when the key is already there.
  mutating func append(_ value: GGUFValue, for key: String) -> Bool {
    guard positions.updateValue(keys.count, forKey: key) == nil else { return false }
    keys.append(key)
    values.append(value)
    return true
  }
}

extension GGUFMetadata: Sequence {
  package func makeIterator() -> Zip2Sequence<[String], [GGUFValue]>.Iterator {
    zip(keys, values).makeIterator()
  }
}

/// Typed access. Each `name` gives nil for a missing key, each `requireName` throws; both throw a
/// ``FormatError`` that names the key when the value has another type.
extension GGUFMetadata {
  /// A non-negative integer of any integer type.
  package func uint(_ key: String) throws -> Int? {
    try typed(key, "a non-negative integer") { $0.integer.flatMap { $0 >= 0 ? $0 : nil } }
  }

  package func requireUInt(_ key: String) throws -> Int { try required(key, try uint(key)) }

  /// A number of any floating-point or integer type.
  package func float(_ key: String) throws -> Double? { try typed(key, "a number") { $0.double } }

  package func requireFloat(_ key: String) throws -> Double { try required(key, try float(key)) }

  package func bool(_ key: String) throws -> Bool? { try typed(key, "a bool") { $0.bool } }

  package func requireBool(_ key: String) throws -> Bool { try required(key, try bool(key)) }

  package func string(_ key: String) throws -> String? { try typed(key, "a string") { $0.string } }

  package func requireString(_ key: String) throws -> String {
    try required(key, try string(key))
  }

  /// An array of strings, not yet decoded.
  package func stringArray(_ key: String) throws -> GGUFArray? {
    try typed(key, "an array of strings") { value in
      value.array.flatMap { $0.elementType == .string ? $0 : nil }
    }
  }

  package func requireStringArray(_ key: String) throws -> GGUFArray {
    try required(key, try stringArray(key))
  }

  /// The elements of an array of integers.
  package func integers(_ key: String) throws -> [Int]? {
    try typed(key, "an array of integers") { $0.array }?.integers()
  }

  package func requireIntegers(_ key: String) throws -> [Int] {
    try required(key, try integers(key))
  }

  /// The elements of an array of floating-point numbers.
  package func floats(_ key: String) throws -> [Float]? {
    try typed(key, "an array of floating-point numbers") { $0.array }?.floats()
  }

  package func requireFloats(_ key: String) throws -> [Float] {
    try required(key, try floats(key))
  }

  private func typed<Value>(
    _ key: String, _ expected: String, _ convert: (GGUFValue) -> Value?
  ) throws -> Value? {
    guard let value = self[key] else { return nil }
    guard let converted = convert(value) else {
      let found =
        switch value {
        case .string, .array: value.array.map { "an array of \($0.elementType)" } ?? "a string"
        default: "\(value) (\(value.type))"
        }
      throw FormatError(
        file: file, place: "metadata key \(FormatError.quoted(key))",
        problem: "expected \(expected), found \(found)")
    }
    return converted
  }

  private func required<Value>(_ key: String, _ value: Value?) throws -> Value {
    guard let value else {
      throw FormatError(
        file: file, place: "metadata key \(FormatError.quoted(key))", problem: "is missing")
    }
    return value
  }
}
