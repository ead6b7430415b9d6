/// The characters that stand for bytes in byte-level vocabularies.
///
/// Printable bytes of Latin-1 stand for themselves; the 68 others, in order, are the characters
/// from U+0100 on (so a space is "Ġ"). From GPT-2.
enum ByteAlphabet {
  /// The code point for each byte; all are below 0x180, two bytes of UTF-8 at most.
  static let points: [UInt32] = {
    var next: UInt32 = 0x100
    return (0..<256).map { (byte: UInt32) in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  /// The byte for each code point below 0x144, or -1.
  static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, point) in points.enumerated() { bytes[Int(point)] = Int16(byte) }
    return bytes
  }()

  /// Appends the characters that stand for the bytes.
  static func encode(_ source: UnsafeBufferPointer<UInt8>, into text: inout [UInt8]) {
    for byte in source { text.append(codePoint: points[Int(byte)]) }
  }

  /// Appends the bytes that the characters stand for.
  ///
  /// - Returns: false, with nothing appended, when a character stands for no byte.
  static func decode(_ text: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]) -> Bool {
    let start = bytes.count
    guard let base = text.baseAddress else { return true }
    var index = 0
    while index < text.count {
      let (point, length) = decodeUTF8(base, at: index, end: text.count)
      guard point < 0x144, self.bytes[Int(point)] >= 0 else {
        bytes.removeSubrange(start...)
        return false
      }
      bytes.append(UInt8(self.bytes[Int(point)]))
      index += length
    }
    return true
  }
}
