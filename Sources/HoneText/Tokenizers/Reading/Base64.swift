/// Base 64 as RFC 4648 defines it, with padding.
enum Base64 {
  /// The bytes that the text stands for, or nil when it is not base 64.
  static func decoded(_ text: String) -> [UInt8]? {
    let characters = Array(text.utf8)
    guard characters.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 4 * 3)
    for start in stride(from: 0, to: characters.count, by: 4) {
      var value: UInt32 = 0
      var padding = 0
      for index in start..<start + 4 {
        if characters[index] == UInt8(ascii: "="), index >= start + 2,
          start + 4 == characters.count
        {
          padding += 1
          value <<= 6
        } else {
          guard padding == 0, let digit = digit(characters[index]) else { return nil }
          value = value << 6 | digit
        }
      }
      let group = [UInt8(value >> 16), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
      bytes += group.prefix(3 - padding)
    }
    return bytes
  }

  private static func digit(_ character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a") + 26)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0") + 52)
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
