/// Reads JSON text (RFC 8259) into a ``JSONValue``.
///
/// Strict: no comments, no trailing commas, no `NaN`, no bytes after the value. Nesting is limited,
/// so that hostile input cannot exhaust the stack.
public struct JSONParser {
  /// What a repeated key of one object means.
  public enum DuplicateKeys: Sendable { case lastWins, rejected }

  /// Parses a whole document.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 text.
  ///   - file: the name that errors give.
  ///   - maximumDepth: how deeply arrays and objects may nest.
  /// - Throws: ``FormatError`` with line and column.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String, duplicateKeys: DuplicateKeys = .lastWins,
    maximumDepth: Int = 256
  ) throws -> JSONValue {
    var parser = JSONParser(
      bytes: bytes, file: file, duplicateKeys: duplicateKeys, maximumDepth: maximumDepth)
    parser.skipWhitespace()
    let value = try parser.value(depth: 0)
    parser.skipWhitespace()
    guard parser.position == bytes.count else {
      throw parser.error("unexpected text after the JSON value")
    }
    return value
  }

  /// Parses a whole document held in a string.
  public static func parse(_ text: String, file: String = "JSON") throws -> JSONValue {
    var text = text
    return try text.withUTF8 { try parse(UnsafeRawBufferPointer($0), file: file) }
  }

  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private let duplicateKeys: DuplicateKeys
  private let maximumDepth: Int
  private var position = 0

  private init(
    bytes: UnsafeRawBufferPointer, file: String, duplicateKeys: DuplicateKeys, maximumDepth: Int
  ) {
    self.bytes = bytes
    self.file = file
    self.duplicateKeys = duplicateKeys
    self.maximumDepth = maximumDepth
  }

  private func error(_ problem: String) -> FormatError {
    var line = 1
    var column = 1
    for byte in bytes.prefix(position) {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else {
        column += 1
      }
    }
    return FormatError(file: file, place: "line \(line), column \(column)", problem: problem)
  }

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipWhitespace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws -> JSONValue {
    guard depth < maximumDepth else {
      throw error("nested more than \(maximumDepth) levels deep")
    }
    switch peek() {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"): return try number()
    case let byte? where isDigit(byte): return try number()
    case nil: throw error("the text ends where a value was expected")
    default: throw error("expected a JSON value")
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws -> JSONValue {
    let length = word.utf8CodeUnitCount
    guard position + length <= bytes.count else { throw error("expected '\(word)'") }
    for offset in 0..<length where bytes[position + offset] != word.utf8Start[offset] {
      throw error("expected '\(word)'")
    }
    position += length
    return value
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    position += 1
    var object = JSONObject()
    skipWhitespace()
    if peek() == UInt8(ascii: "}") {
      position += 1
      return .object(object)
    }
    while true {
      skipWhitespace()
      guard peek() == UInt8(ascii: "\"") else { throw error("expected a quoted key") }
      let key = try string()
      skipWhitespace()
      guard peek() == UInt8(ascii: ":") else { throw error("expected ':' after the key") }
      position += 1
      skipWhitespace()
      if duplicateKeys == .rejected, object[key] != nil {
        throw error("the key \"\(key)\" stands twice in one object")
      }
      object[key] = try value(depth: depth + 1)
      skipWhitespace()
      switch peek() {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        position += 1
        return .object(object)
      default: throw error("expected ',' or '}'")
      }
    }
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    position += 1
    var array: [JSONValue] = []
    skipWhitespace()
    if peek() == UInt8(ascii: "]") {
      position += 1
      return .array(array)
    }
    while true {
      skipWhitespace()
      array.append(try value(depth: depth + 1))
      skipWhitespace()
      switch peek() {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"):
        position += 1
        return .array(array)
      default: throw error("expected ',' or ']'")
      }
    }
  }

  private mutating func number() throws -> JSONValue {
    let start = position
    var isInteger = true
    if peek() == UInt8(ascii: "-") { position += 1 }
    switch peek() {
    case UInt8(ascii: "0"): position += 1
    case let byte? where isDigit(byte): skipDigits()
    default: throw error("expected a digit")
    }
    if peek() == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try digits()
    }
    if let byte = peek(), byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
        position += 1
      }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw error("number out of range") }
    return .number(value)
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private mutating func digits() throws {
    guard let byte = peek(), isDigit(byte) else {
      throw error("expected a digit")
    }
    skipDigits()
  }

  private mutating func skipDigits() {
    while let byte = peek(), isDigit(byte) {
      position += 1
    }
  }

  private mutating func string() throws -> String {
    position += 1
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        defer { position += 1 }
        return try decoded(start..<position)
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      guard byte >= 0x20 else { throw error("a control character stands inside a string") }
      position += 1
    }
    throw error("the text ends inside a string")
  }

  private func decoded(_ range: Range<Int>) throws -> String {
    let slice = UnsafeRawBufferPointer(rebasing: bytes[range])
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw error("a string is not valid UTF-8")
    }
    return text
  }

  private mutating func escapedString(from start: Int) throws -> String {
    var units = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: units, as: UTF8.self) else {
          throw error("a string is not valid UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try appendEscape(to: &units)
      case 0..<0x20: throw error("a control character stands inside a string")
      default: units.append(byte)
      }
    }
    throw error("the text ends inside a string")
  }

  private mutating func appendEscape(to units: inout [UInt8]) throws {
    guard let byte = peek() else { throw error("the text ends inside a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
    case UInt8(ascii: "b"): units.append(0x08)
    case UInt8(ascii: "f"): units.append(0x0C)
    case UInt8(ascii: "n"): units.append(0x0A)
    case UInt8(ascii: "r"): units.append(0x0D)
    case UInt8(ascii: "t"): units.append(0x09)
    case UInt8(ascii: "u"):
      var scalar = try hexadecimal()
      if (0xD800..<0xDC00).contains(scalar), position + 1 < bytes.count,
        bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
      {
        let restart = position
        position += 2
        let low = try hexadecimal()
        if (0xDC00..<0xE000).contains(low) {
          scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
        } else {
          position = restart
        }
      }
      // An unpaired surrogate has no UTF-8 form; it becomes the replacement character.
      units.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
    default: throw error("unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws -> UInt32 {
    guard position + 4 <= bytes.count,
      let value = UInt32(
        String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16),
      bytes[position] != UInt8(ascii: "+"), bytes[position] != UInt8(ascii: "-")
    else { throw error("expected four hexadecimal digits after \\u") }
    position += 4
    return value
  }
}
