@testable import HoneFormats

/// Builds the bytes of GGUF files, well-formed or not, for tests.
struct GGUFBuilder {
  var bytes: [UInt8] = []

  /// Begins with a header that promises the given counts.
  init(version: UInt32 = 3, tensors: UInt64 = 0, entries: UInt64 = 0) {
    bytes = Array("GGUF".utf8)
    append(version)
    append(tensors)
    append(entries)
  }

  mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  mutating func append(_ text: String) {
    append(UInt64(text.utf8.count))
    bytes += text.utf8
  }

  mutating func entry(_ key: String, _ type: GGUFValueType, _ value: some FixedWidthInteger) {
    append(key)
    append(type.rawValue)
    append(value)
  }

  mutating func entry(_ key: String, _ text: String) {
    append(key)
    append(GGUFValueType.string.rawValue)
    append(text)
  }

  /// An array's key, type and length; its elements follow through `append`.
  mutating func array(_ key: String, _ type: GGUFValueType, count: UInt64) {
    append(key)
    append(GGUFValueType.array.rawValue)
    append(type.rawValue)
    append(count)
  }

  mutating func tensor(
    _ name: String, _ dimensions: [UInt64], type: UInt32 = GGMLType.f32.rawValue, offset: UInt64 = 0
  ) {
    append(name)
    append(UInt32(dimensions.count))
    for dimension in dimensions { append(dimension) }
    append(type)
    append(offset)
  }

  /// Pads to the alignment and appends the data.
  mutating func data(_ data: [UInt8], alignment: Int = 32) {
    while bytes.count % alignment != 0 { bytes.append(0) }
    bytes += data
  }

  /// Reads what was built, as a file named `m.gguf`.
  func open(named name: String = "m.gguf", parts: [String: [UInt8]] = [:]) throws -> GGUFFile {
    try GGUFFile(MappedFile(copying: bytes, named: name)) { path in
      guard let part = parts[path] else {
        throw FormatError(file: path, problem: "cannot be opened")
      }
      return MappedFile(copying: part, named: path)
    }
  }

  /// The error of reading what was built; nil when it reads well.
  func fault(named name: String = "m.gguf", parts: [String: [UInt8]] = [:]) -> String? {
    do {
      _ = try open(named: name, parts: parts)
      return nil
    } catch {
      return "\(error)"
    }
  }
}
