/// The code point that stands for a byte that is not part of well-formed UTF-8: one past the last.
///
/// Text from outside may hold any bytes. Each ill-formed byte counts as one character that no
/// property holds of, so that scanners need no other case for it.
let invalidCodePoint: UInt32 = 0x110000

/// Reads the character that begins at `index`.
///
/// - Returns: its code point and its length in bytes; ``invalidCodePoint`` and 1 for a byte that is
///   not the beginning of well-formed UTF-8 (also for overlong forms and surrogates).
@inline(__always)
func decodeUTF8(
  _ bytes: UnsafePointer<UInt8>, at index: Int, end: Int
) -> (point: UInt32, length: Int) {
  let first = UInt32(bytes[index])
  if first < 0x80 { return (first, 1) }
  if first < 0xC2 { return (invalidCodePoint, 1) }
  if first < 0xE0 {
    guard index + 1 < end else { return (invalidCodePoint, 1) }
    let second = UInt32(bytes[index + 1])
    guard second & 0xC0 == 0x80 else { return (invalidCodePoint, 1) }
    return ((first & 0x1F) << 6 | (second & 0x3F), 2)
  }
  if first < 0xF0 {
    guard index + 2 < end else { return (invalidCodePoint, 1) }
    let second = UInt32(bytes[index + 1])
    let third = UInt32(bytes[index + 2])
    guard second & 0xC0 == 0x80, third & 0xC0 == 0x80 else { return (invalidCodePoint, 1) }
    let point = (first & 0x0F) << 12 | (second & 0x3F) << 6 | (third & 0x3F)
    guard point >= 0x800, point & 0xF800 != 0xD800 else { return (invalidCodePoint, 1) }
    return (point, 3)
  }
  guard first < 0xF5, index + 3 < end else { return (invalidCodePoint, 1) }
  let second = UInt32(bytes[index + 1])
  let third = UInt32(bytes[index + 2])
  let fourth = UInt32(bytes[index + 3])
  guard second & 0xC0 == 0x80, third & 0xC0 == 0x80, fourth & 0xC0 == 0x80 else {
    return (invalidCodePoint, 1)
  }
  let point =
    (first & 0x07) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | (fourth & 0x3F)
  guard point >= 0x10000, point < 0x110000 else { return (invalidCodePoint, 1) }
  return (point, 4)
}

/// Where the character that ends at `index` begins.
func startOfUTF8(_ bytes: UnsafePointer<UInt8>, before index: Int) -> Int {
  for length in 1...4 where index - length >= 0 {
    let start = index - length
    if bytes[start] & 0xC0 != 0x80 {
      return start + decodeUTF8(bytes, at: start, end: index).length == index ? start : index - 1
    }
  }
  return index - 1
}

extension [UInt8] {
  /// Appends a code point in UTF-8; ``invalidCodePoint`` has none and must not be passed.
  mutating func append(codePoint point: UInt32) {
    switch point {
    case 0..<0x80: append(UInt8(point))
    case 0x80..<0x800:
      append(0xC0 | UInt8(point >> 6))
      append(0x80 | UInt8(point & 0x3F))
    case 0x800..<0x10000:
      append(0xE0 | UInt8(point >> 12))
      append(0x80 | UInt8(point >> 6 & 0x3F))
      append(0x80 | UInt8(point & 0x3F))
    default:
      append(0xF0 | UInt8(point >> 18 & 0x07))
      append(0x80 | UInt8(point >> 12 & 0x3F))
      append(0x80 | UInt8(point >> 6 & 0x3F))
      append(0x80 | UInt8(point & 0x3F))
    }
  }
}
