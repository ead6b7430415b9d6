/// Finds where bytes stop being UTF-8 (RFC 3629: no overlong forms, no surrogates, no bytes above
/// U+10FFFF).
enum UTF8Check {
  /// The position of the first byte that does not belong to a whole character; nil when all do.
  static func firstFault(in bytes: UnsafePointer<UInt8>, count: Int) -> Int? {
    var position = 0
    while position < count {
      if position + 8 <= count {
        let word = UnsafeRawPointer(bytes).loadUnaligned(
          fromByteOffset: position, as: UInt64.self)
        if word & 0x8080_8080_8080_8080 == 0 {
          position += 8
          continue
        }
      }
      let lead = bytes[position]
      if lead < 0x80 {
        position += 1
        continue
      }
      let length: Int
      // What the second byte may be; the third and fourth are always 0x80...0xBF.
      let second: ClosedRange<UInt8>
      switch lead {
      case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
      case 0xE0: (length, second) = (3, 0xA0...0xBF)
      case 0xED: (length, second) = (3, 0x80...0x9F)
      case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
      case 0xF0: (length, second) = (4, 0x90...0xBF)
      case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
      case 0xF4: (length, second) = (4, 0x80...0x8F)
      default: return position
      }
      guard position + length <= count, second.contains(bytes[position + 1]) else {
        return position
      }
      for offset in 2..<max(length, 2) where bytes[position + offset] & 0xC0 != 0x80 {
        return position
      }
      position += length
    }
    return nil
  }

  /// The text of bytes; nil when they are not UTF-8.
  ///
  /// Several times faster for short texts than `String(validating:as:)`, which is not specialised.
  static func text(_ bytes: UnsafeRawBufferPointer) -> String? {
    guard let start = bytes.baseAddress else { return "" }
    let units = UnsafeBufferPointer(
      start: start.assumingMemoryBound(to: UInt8.self), count: bytes.count)
    guard firstFault(in: start.assumingMemoryBound(to: UInt8.self), count: bytes.count) == nil
    else { return nil }
    return String(decoding: units, as: UTF8.self)
  }
}
