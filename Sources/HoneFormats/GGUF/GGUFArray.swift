/// A metadata array of a GGUF file: its elements stay in the mapped file until they are asked for.
///
/// The array keeps the mapping alive, so it may outlive the ``GGUFFile`` that it came from.
package struct GGUFArray: Sendable {
  package let elementType: GGUFValueType
  package let count: Int
  private let file: MappedFile
  /// The metadata key, for errors.
  private let key: String
  /// Where the elements stand in the file.
  private let range: Range<Int>
  /// Where each string's length stands, for an array of strings.
  private let stringPositions: [Int]
  /// The elements of an array of arrays.
  package let arrays: [GGUFArray]

  init(
    elementType: GGUFValueType, count: Int, file: MappedFile, key: String, range: Range<Int>,
    stringPositions: [Int] = [], arrays: [GGUFArray] = []
  ) {
    self.elementType = elementType
    self.count = count
    self.file = file
    self.key = key
    self.range = range
    self.stringPositions = stringPositions
    self.arrays = arrays
  }

  /// One element.
  ///
  /// - Throws: ``FormatError`` when a string is not UTF-8.
  package func value(at index: Int) throws -> GGUFValue {
    switch elementType {
    case .uint8: .uint8(load(index))
    case .int8: .int8(load(index))
    case .uint16: .uint16(load(index))
    case .int16: .int16(load(index))
    case .uint32: .uint32(load(index))
    case .int32: .int32(load(index))
    case .uint64: .uint64(load(index))
    case .int64: .int64(load(index))
    case .float32: .float32(Float(bitPattern: load(index)))
    case .float64: .float64(Double(bitPattern: load(index)))
    case .bool: .bool(load(index, as: UInt8.self) != 0)
    case .string: .string(try string(at: index))
    case .array: .array(arrays[index])
    }
  }

  /// The bytes of one string of an array of strings, valid while this array or the file lives.
  package func bytes(at index: Int) -> UnsafeRawBufferPointer {
    precondition(elementType == .string, "an array of \(elementType) has no string bytes")
    let position = stringPositions[index]
    let length = UInt64(
      littleEndian: file.bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    return file.slice(position + 8..<position + 8 + Int(length))
  }

  /// One string of an array of strings.
  ///
  /// - Throws: ``FormatError`` when it is not UTF-8.
  package func string(at index: Int) throws -> String {
    guard let text = UTF8Check.text(bytes(at: index)) else {
      throw FormatError(
        file: file.path, place: "metadata key \(FormatError.quoted(key)), element \(index)",
        problem: "is not valid UTF-8")
    }
    return text
  }

  /// All strings of an array of strings.
  ///
  /// - Throws: ``FormatError`` when the elements are not strings or one is not UTF-8.
  package func strings() throws -> [String] {
    guard elementType == .string else { throw mismatch("strings") }
    return try (0..<count).map(string(at:))
  }

  /// All elements of an array of any integer type.
  ///
  /// - Throws: ``FormatError`` when the elements are not integers or one does not fit `Int`.
  package func integers() throws -> [Int] {
    switch elementType {
    case .uint8: return (0..<count).map { Int(load($0, as: UInt8.self)) }
    case .int8: return (0..<count).map { Int(load($0, as: Int8.self)) }
    case .uint16: return (0..<count).map { Int(load($0, as: UInt16.self)) }
    case .int16: return (0..<count).map { Int(load($0, as: Int16.self)) }
    case .uint32: return (0..<count).map { Int(load($0, as: UInt32.self)) }
    case .int32: return (0..<count).map { Int(load($0, as: Int32.self)) }
    case .int64: return (0..<count).map { Int(load($0, as: Int64.self)) }
    case .uint64:
      return try (0..<count).map {
        guard let value = Int(exactly: load($0, as: UInt64.self)) else {
          throw FormatError(
            file: file.path, place: "metadata key \(FormatError.quoted(key)), element \($0)",
            problem: "does not fit 63 bits")
        }
        return value
      }
    default: throw mismatch("integers")
    }
  }

  /// All elements of an array of 32- or 64-bit floating-point numbers, the latter rounded.
  ///
  /// - Throws: ``FormatError`` for other elements.
  package func floats() throws -> [Float] {
    switch elementType {
    case .float32: return (0..<count).map { Float(bitPattern: load($0)) }
    case .float64: return (0..<count).map { Float(Double(bitPattern: load($0))) }
    default: throw mismatch("floating-point numbers")
    }
  }

  private func load<Value: FixedWidthInteger>(_ index: Int, as: Value.Type = Value.self) -> Value {
    precondition(0..<count ~= index, "element \(index) of an array of \(count)")
    let position = range.lowerBound + index * MemoryLayout<Value>.size
    return Value(littleEndian: file.bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
  }

  private func mismatch(_ expected: String) -> FormatError {
    FormatError(
      file: file.path, place: "metadata key \(FormatError.quoted(key))",
      problem: "expected an array of \(expected), found an array of \(elementType)")
  }
}

extension GGUFArray: Equatable {
  /// Whether both hold the same elements of the same type.
  package static func == (left: GGUFArray, right: GGUFArray) -> Bool {
    left.elementType == right.elementType && left.count == right.count
      && left.file.slice(left.range).elementsEqual(right.file.slice(right.range))
  }
}

extension GGUFArray: CustomStringConvertible {
  package var description: String { "[\(count) x \(elementType)]" }
}
