/// Reads and validates one GGUF file: header, metadata, tensor descriptions, data ranges.
///
/// No count of the file is trusted: each is compared with the bytes that are left before anything
/// is allocated for it.
struct GGUFParser {
  /// What one file holds.
  struct Contents {
    var version: Int
    var alignment: Int
    var metadata: GGUFMetadata
    var tensors: [GGUFTensor]
  }

  static func parse(_ file: MappedFile) throws -> Contents {
    var parser = GGUFParser(file)
    return try parser.contents()
  }

  /// A tensor's description before its bytes are located.
  private struct Description {
    var name: String
    var dimensions: [Int]
    var type: GGMLType
    var size: Int
    var offset: UInt64
  }

  private static let maximumKeyLength = 65_535
  private static let maximumNameLength = 64
  private static let maximumDimensions = 4
  private static let maximumArrayDepth = 4
  private static let maximumNestedArrays = 65_536

  private let file: MappedFile
  private var cursor: ByteCursor
  private var nestedArrays = 0

  private init(_ file: MappedFile) {
    self.file = file
    cursor = ByteCursor(file)
  }

  private func error(_ place: String, _ problem: String, advice: String = "") -> FormatError {
    FormatError(file: file.path, place: place, problem: problem, advice: advice)
  }

  private mutating func contents() throws -> Contents {
    let version = try header()
    // A tensor takes at least a name's length, a dimension count, a type and an offset; a metadata
    // entry at least a key's length, a type and one byte.
    let tensorCount = try cursor.readCount(unit: 24, "the number of tensors")
    let entryCount = try cursor.readCount(unit: 13, "the number of metadata entries")
    var metadata = GGUFMetadata(file: file.path)
    for index in 0..<entryCount {
      let key = try text("key of metadata entry \(index)")
      guard key.utf8.count <= Self.maximumKeyLength else {
        throw error(
          "metadata entry \(index)",
          "has a key of \(key.utf8.count) bytes; the format allows \(Self.maximumKeyLength)")
      }
      let value = try value(of: key)
      guard metadata.append(value, for: key) else {
        throw error("metadata key \(FormatError.quoted(key))", "stands twice in the file")
      }
    }
    let alignment = try alignment(metadata)
    var descriptions: [Description] = []
    for index in 0..<tensorCount { descriptions.append(try description(index, alignment)) }
    let tensors = try locate(descriptions, alignment)
    return Contents(
      version: version, alignment: alignment, metadata: metadata, tensors: tensors)
  }

  private mutating func header() throws -> Int {
    guard file.bytes.count >= 4, file.bytes.prefix(4).elementsEqual("GGUF".utf8) else {
      throw error("byte 0", "is not a GGUF file: it does not begin with \"GGUF\"")
    }
    _ = try cursor.skip(4, "the header")
    let version = try cursor.read(UInt32.self, "the header")
    switch version {
    case 2, 3: return Int(version)
    case 1:
      throw error(
        "byte 4", "is GGUF version 1, which nothing writes any more",
        advice: "convert the model again; versions 2 and 3 are read")
    case _ where version & 0xFFFF == 0 && version != 0:
      throw error(
        "byte 4", "is a big-endian GGUF file",
        advice: "convert it to little-endian with gguf's own script")
    default:
      throw error("byte 4", "is GGUF version \(version); versions 2 and 3 are read")
    }
  }

  // MARK: Metadata

  /// Reads a string's length and steps over its bytes.
  private mutating func stringRange(_ what: @autoclosure () -> String) throws -> Range<Int> {
    let length = try cursor.readCount(unit: 1, "the length of the \(what())")
    return try cursor.skip(length, what())
  }

  private mutating func text(_ what: @autoclosure () -> String) throws -> String {
    let range = try stringRange(what())
    guard let text = file.text(range) else {
      throw error("byte \(range.lowerBound)", "the \(what()) is not valid UTF-8")
    }
    return text
  }

  private mutating func valueType(_ key: String) throws -> GGUFValueType {
    let number = try cursor.read(UInt32.self, "metadata key \(FormatError.quoted(key))")
    guard let type = GGUFValueType(rawValue: number) else {
      throw error("metadata key \(FormatError.quoted(key))", "has the unknown value type \(number)")
    }
    return type
  }

  private mutating func value(of key: String) throws -> GGUFValue {
    let type = try valueType(key)
    func read<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws -> Value {
      try cursor.read(type, "metadata key \(FormatError.quoted(key))")
    }
    switch type {
    case .uint8: return .uint8(try read())
    case .int8: return .int8(try read())
    case .uint16: return .uint16(try read())
    case .int16: return .int16(try read())
    case .uint32: return .uint32(try read())
    case .int32: return .int32(try read())
    case .uint64: return .uint64(try read())
    case .int64: return .int64(try read())
    case .float32: return .float32(Float(bitPattern: try read()))
    case .float64: return .float64(Double(bitPattern: try read()))
    case .bool:
      let byte = try read(UInt8.self)
      guard byte <= 1 else {
        throw error("metadata key \(FormatError.quoted(key))", "is a bool with the value \(byte)")
      }
      return .bool(byte == 1)
    case .string: return .string(try text("value of metadata key \(FormatError.quoted(key))"))
    case .array: return .array(try array(of: key, depth: 0))
    }
  }

  private mutating func array(of key: String, depth: Int) throws -> GGUFArray {
    let type = try valueType(key)
    let count = try cursor.readCount(
      unit: type.minimumByteCount, "the array length of metadata key \(FormatError.quoted(key))")
    let start = cursor.position
    var positions: [Int] = []
    var arrays: [GGUFArray] = []
    switch type {
    case .string:
      positions.reserveCapacity(count)
      for index in 0..<count {
        positions.append(cursor.position)
        _ = try stringRange("element \(index) of metadata key \(FormatError.quoted(key))")
      }
    case .array:
      nestedArrays += count
      guard depth + 1 < Self.maximumArrayDepth, nestedArrays <= Self.maximumNestedArrays else {
        throw error(
          "metadata key \(FormatError.quoted(key))",
          depth + 1 < Self.maximumArrayDepth
            ? "holds more than \(Self.maximumNestedArrays) arrays"
            : "nests arrays more than \(Self.maximumArrayDepth) deep")
      }
      for _ in 0..<count { arrays.append(try array(of: key, depth: depth + 1)) }
    default:
      // The count was compared with the bytes left, so this product cannot overflow.
      _ = try cursor.skip(count * type.minimumByteCount, "metadata key \(FormatError.quoted(key))")
    }
    return GGUFArray(
      elementType: type, count: count, file: file, key: key, range: start..<cursor.position,
      stringPositions: positions, arrays: arrays)
  }

  private func alignment(_ metadata: GGUFMetadata) throws -> Int {
    let alignment = try metadata.uint("general.alignment") ?? 32
    guard alignment > 0, alignment & (alignment - 1) == 0, alignment <= 1 << 30 else {
      throw error(
        "metadata key \"general.alignment\"", "is \(alignment), not a power of two up to 2^30")
    }
    return alignment
  }

  // MARK: Tensors

  private mutating func description(_ index: Int, _ alignment: Int) throws -> Description {
    let name = try text("name of tensor \(index)")
    let place = "tensor \(FormatError.quoted(name))"
    guard name.utf8.count <= Self.maximumNameLength else {
      throw error(
        "tensor \(index)",
        "has a name of \(name.utf8.count) bytes; the format allows \(Self.maximumNameLength)")
    }
    let rank = try cursor.read(UInt32.self, place)
    guard rank <= Self.maximumDimensions else {
      throw error(place, "has \(rank) dimensions; the format allows \(Self.maximumDimensions)")
    }
    let sizes = try (0..<rank).map { _ in try cursor.read(UInt64.self, place) }
    let dimensions = sizes.compactMap { Int(exactly: $0) }
    let number = try cursor.read(UInt32.self, place)
    guard let type = GGMLType(rawValue: number) else {
      if let name = GGMLType.removedName(of: number) {
        throw error(
          place, "has the type \(name), which ggml no longer reads",
          advice: "quantise the model again")
      }
      throw error(place, "has the unknown type \(number)")
    }
    let offset = try cursor.read(UInt64.self, place)
    let rowLength = dimensions.first ?? 1
    guard dimensions.count == sizes.count, let size = byteCount(dimensions, type) else {
      throw error(place, "has the dimensions \(sizes), too many elements for any memory")
    }
    guard rowLength.isMultiple(of: type.elementsPerBlock) else {
      throw error(
        place,
        "has rows of \(rowLength) elements, which do not divide into \(type.name) blocks of "
          + "\(type.elementsPerBlock)")
    }
    guard offset.isMultiple(of: UInt64(alignment)) else {
      throw error(
        place, "begins at offset \(offset), which is not a multiple of the alignment \(alignment)")
    }
    return Description(
      name: name, dimensions: dimensions, type: type, size: size, offset: offset)
  }

  /// The size of a tensor's data; nil when the number of elements or bytes overflows.
  private func byteCount(_ dimensions: [Int], _ type: GGMLType) -> Int? {
    // Zeros would hide the overflow of the others, so they count as one here.
    var elements = 1
    for dimension in dimensions {
      let (product, overflow) = elements.multipliedReportingOverflow(by: max(dimension, 1))
      guard !overflow else { return nil }
      elements = product
    }
    let blocks = elements / type.elementsPerBlock
    let (bytes, overflow) = blocks.multipliedReportingOverflow(by: type.bytesPerBlock)
    return overflow ? nil : dimensions.contains(0) ? 0 : bytes
  }

  /// Turns offsets into ranges of the file, all inside it and none overlapping.
  private func locate(_ descriptions: [Description], _ alignment: Int) throws -> [GGUFTensor] {
    let dataStart = (cursor.position + alignment - 1) & -alignment
    let available = UInt64(max(0, file.bytes.count - dataStart))
    let outside = descriptions.filter {
      let (end, overflow) = $0.offset.addingReportingOverflow(UInt64($0.size))
      return overflow || end > available
    }
    if let first = outside.first {
      let more = outside.count == 1 ? "" : ", with \(outside.count - 1) more tensors,"
      throw error(
        "tensor \(FormatError.quoted(first.name))",
        "needs\(more) bytes past the file's end (offset \(first.offset), \(first.size) bytes, "
          + "\(available) there)",
        advice: "the file is cut short; fetch it again")
    }
    let tensors = descriptions.map {
      let start = min(dataStart + Int($0.offset), file.bytes.count)
      return GGUFTensor(
        name: $0.name, dimensions: $0.dimensions, type: $0.type, file: file,
        range: start..<start + $0.size)
    }
    let ordered = tensors.filter { !$0.range.isEmpty }.sorted {
      $0.range.lowerBound < $1.range.lowerBound
    }
    for (left, right) in zip(ordered, ordered.dropFirst())
    where right.range.lowerBound < left.range.upperBound {
      throw error(
        "tensor \(FormatError.quoted(right.name))",
        "shares bytes with tensor \(FormatError.quoted(left.name))")
    }
    return tensors
  }
}
