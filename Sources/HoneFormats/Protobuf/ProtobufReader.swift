/// Reads a protocol buffer's fields one by one, as they stand on the wire.
///
/// Knows no schema: a message is a list of numbered fields, each a number, a run of bytes (text or
/// a message) or a fixed-size value. Follows the encoding described with Protocol Buffers.
package struct ProtobufReader {
  package enum Value {
    case integer(UInt64)
    case fixed32(UInt32)
    case fixed64(UInt64)
    case bytes(UnsafeRawBufferPointer)
  }

  private let bytes: UnsafeRawBufferPointer
  private let file: String
  /// Where `bytes` begin in the file, for errors.
  private let origin: Int
  private var position = 0

  /// - Parameter file: the name that errors give.
  package init(_ bytes: UnsafeRawBufferPointer, file: String, origin: Int = 0) {
    self.bytes = bytes
    self.file = file
    self.origin = origin
  }

  /// The next field's number and value; nil at the end.
  ///
  /// - Throws: ``FormatError`` for what is no protocol buffer.
  package mutating func next() throws -> (field: Int, value: Value)? {
    guard position < bytes.count else { return nil }
    let key = try integer()
    guard let field = Int(exactly: key >> 3), field > 0 else {
      throw error("a field has the number 0")
    }
    switch key & 7 {
    case 0: return (field, .integer(try integer()))
    case 1: return (field, .fixed64(try fixed()))
    case 2:
      let length = try integer()
      guard length <= UInt64(bytes.count - position) else {
        throw error("a field of \(length) bytes reaches beyond the end")
      }
      let start = position
      position += Int(length)
      return (field, .bytes(UnsafeRawBufferPointer(rebasing: bytes[start..<position])))
    case 5: return (field, .fixed32(try fixed()))
    default: throw error("a field is of the unknown kind \(key & 7)")
    }
  }

  private func error(_ problem: String) -> FormatError {
    FormatError(file: file, place: "byte \(origin + position)", problem: problem)
  }

  private mutating func integer() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0 as UInt64, to: 70, by: 7) {
      guard position < bytes.count else { throw error("ends inside a number") }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw error("a number has more than ten bytes")
  }

  private mutating func fixed<Value: FixedWidthInteger>() throws -> Value {
    let size = MemoryLayout<Value>.size
    guard bytes.count - position >= size else { throw error("ends inside a number") }
    defer { position += size }
    return Value(
      littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
  }
}
