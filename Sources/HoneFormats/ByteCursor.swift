/// Reads little-endian values from a file's bytes, one after the other, and never past their end.
struct ByteCursor {
  let file: MappedFile
  private(set) var position = 0

  init(_ file: MappedFile) { self.file = file }

  var remaining: Int { file.bytes.count - position }

  /// Reads one integer.
  ///
  /// - Parameter what: names the value in the error.
  mutating func read<Value: FixedWidthInteger>(
    _: Value.Type, _ what: @autoclosure () -> String
  ) throws -> Value {
    let size = MemoryLayout<Value>.size
    guard size <= remaining else { throw truncated(what()) }
    defer { position += size }
    return Value(littleEndian: file.bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
  }

  /// Reads a count or a length, which no file can make larger than the bytes that are left allow.
  ///
  /// - Parameter unit: the least number of bytes which each counted thing takes.
  mutating func readCount(unit: Int, _ what: @autoclosure () -> String) throws -> Int {
    let place = position
    let count = try read(UInt64.self, what())
    guard count <= UInt64(remaining / unit) else {
      throw FormatError(
        file: file.path, place: "byte \(place)",
        problem: "\(what()) is \(count), more than the \(remaining) bytes left can hold",
        advice: "the file is damaged or cut short")
    }
    return Int(count)
  }

  /// Steps over bytes and returns where they stand.
  mutating func skip(_ count: Int, _ what: @autoclosure () -> String) throws -> Range<Int> {
    guard count <= remaining else { throw truncated(what()) }
    defer { position += count }
    return position..<position + count
  }

  func truncated(_ what: String) -> FormatError {
    FormatError(
      file: file.path, place: "byte \(position)", problem: "the file ends inside \(what)",
      advice: "it is cut short; fetch it again")
  }
}

extension MappedFile {
  /// The bytes of a range that is known to be inside the file.
  func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[range])
  }

  /// The text of a range; nil when it is not UTF-8.
  func text(_ range: Range<Int>) -> String? {
    UTF8Check.text(slice(range))
  }
}
