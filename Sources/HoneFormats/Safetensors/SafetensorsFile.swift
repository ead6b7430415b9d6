/// A safetensors file, memory-mapped and validated before anything of it is used.
///
/// The file is a header's length (8 bytes, little-endian), the header (a JSON object that gives
/// each tensor's type, shape and place) and the data, which the tensors fill without gap or
/// overlap. Follows the format's description in the safetensors repository.
package final class SafetensorsFile: Sendable {
  /// The longest header that the reference implementation reads.
  package static let maximumHeaderLength = 100_000_000

  package let path: String
  /// The header's `__metadata__`: text under names.
  package let metadata: [String: String]
  /// All tensors in the order of their data.
  package let tensors: [SafetensorsTensor]
  private let positions: [String: Int]

  /// Opens a file.
  ///
  /// - Throws: ``FormatError`` that names the byte or tensor at fault.
  package convenience init(path: String) throws { try self.init(MappedFile(path: path)) }

  /// Reads a file that is already mapped.
  package init(_ file: MappedFile) throws {
    path = file.path
    var cursor = ByteCursor(file)
    let length = try cursor.read(UInt64.self, "the header's length")
    guard length <= UInt64(Self.maximumHeaderLength) else {
      throw FormatError(
        file: file.path, place: "byte 0",
        problem: "the header's length is \(length), more than \(Self.maximumHeaderLength)",
        advice: "it is damaged or not a safetensors file")
    }
    let header = try cursor.skip(Int(length), "the header of \(length) bytes")
    guard length > 0, file.bytes[header.lowerBound] == UInt8(ascii: "{") else {
      throw FormatError(
        file: file.path, place: "byte 8", problem: "the header does not begin with '{'",
        advice: "it is damaged or not a safetensors file")
    }
    // A header nests a tensor's arrays in the tensor's object in the whole object.
    let json = try JSONParser.parse(
      file.slice(header), file: "\(file.path): header", duplicateKeys: .rejected, maximumDepth: 8)
    guard case .object(let members) = json else {
      throw FormatError(file: file.path, problem: "the header is not a JSON object")
    }
    var metadata: [String: String] = [:]
    var tensors: [SafetensorsTensor] = []
    tensors.reserveCapacity(members.count)
    for (name, value) in members {
      if name == "__metadata__" {
        metadata = try Self.metadata(value, of: file)
      } else {
        tensors.append(try Self.tensor(name, value, of: file, dataStart: header.upperBound))
      }
    }
    tensors.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    try Self.checkCoverage(of: file, from: header.upperBound, by: tensors)
    self.metadata = metadata
    self.tensors = tensors
    // Names are unique by their bytes; should two be the same to Unicode, the first is found.
    positions = Dictionary(
      zip(tensors.map(\.name), tensors.indices), uniquingKeysWith: { first, _ in first })
  }

  package func tensor(named name: String) -> SafetensorsTensor? {
    positions[name].map { tensors[$0] }
  }

  // MARK: Validation

  private static func metadata(_ value: JSONValue, of file: MappedFile) throws -> [String: String] {
    guard case .object(let members) = value else {
      throw FormatError(
        file: file.path, place: "__metadata__", problem: "is not an object of strings")
    }
    var metadata: [String: String] = [:]
    for (key, value) in members {
      guard let text = value.string else {
        throw FormatError(
          file: file.path, place: "__metadata__",
          problem: "the value of \(FormatError.quoted(key)) is not a string")
      }
      metadata[key] = text
    }
    return metadata
  }

  private static func tensor(
    _ name: String, _ value: JSONValue, of file: MappedFile, dataStart: Int
  ) throws -> SafetensorsTensor {
    func fault(_ problem: String) -> FormatError {
      FormatError(
        file: file.path, place: "tensor \(FormatError.quoted(name))", problem: problem)
    }
    guard case .object(let members) = value else { throw fault("is not described by an object") }
    for key in members.keys where !["dtype", "shape", "data_offsets"].contains(key) {
      throw fault("has the unknown key \(FormatError.quoted(key))")
    }
    guard let typeName = members["dtype"]?.string else { throw fault("has no \"dtype\" string") }
    guard let type = SafetensorsType(rawValue: typeName) else {
      throw fault("has the unknown type \(FormatError.quoted(typeName))")
    }
    guard let shape = sizes(members["shape"]) else {
      throw fault("has no \"shape\" of non-negative integers")
    }
    guard let offsets = sizes(members["data_offsets"]), offsets.count == 2 else {
      throw fault("has no \"data_offsets\" of two non-negative integers")
    }
    guard let size = type.byteCount(shape: shape) else {
      throw fault("has the shape \(shape) of \(typeName), which is no possible number of bytes")
    }
    let available = file.bytes.count - dataStart
    guard offsets[0] <= offsets[1] else {
      throw fault("begins at offset \(offsets[0]) and ends before it, at \(offsets[1])")
    }
    guard offsets[1] <= available else {
      throw FormatError(
        file: file.path, place: "tensor \(FormatError.quoted(name))",
        problem: "ends at offset \(offsets[1]), past the \(available) bytes of data",
        advice: "the file is cut short; fetch it again")
    }
    guard offsets[1] - offsets[0] == size else {
      throw fault(
        "has \(offsets[1] - offsets[0]) bytes, but the shape \(shape) of \(typeName) takes \(size)")
    }
    return SafetensorsTensor(
      name: name, type: type, shape: shape, file: file,
      range: dataStart + offsets[0]..<dataStart + offsets[1])
  }

  private static func sizes(_ value: JSONValue?) -> [Int]? {
    guard case .array(let values) = value else { return nil }
    var sizes: [Int] = []
    for value in values {
      guard case .integer(let size) = value, size >= 0 else { return nil }
      sizes.append(size)
    }
    return sizes
  }

  /// Checks that the tensors, in the order of their data, fill it.
  private static func checkCoverage(
    of file: MappedFile, from start: Int, by tensors: [SafetensorsTensor]
  ) throws {
    var end = start
    for (index, tensor) in tensors.enumerated() {
      let place = "tensor \(FormatError.quoted(tensor.name))"
      if tensor.range.lowerBound < end {
        throw FormatError(
          file: file.path, place: place,
          problem: "shares bytes with tensor \(FormatError.quoted(tensors[index - 1].name))")
      }
      if tensor.range.lowerBound > end {
        throw FormatError(
          file: file.path, place: place,
          problem: "follows a hole of \(tensor.range.lowerBound - end) bytes in the data")
      }
      end = tensor.range.upperBound
    }
    guard end == file.bytes.count else {
      throw FormatError(
        file: file.path,
        problem: "has \(file.bytes.count - end) bytes after the last tensor's data")
    }
  }
}
