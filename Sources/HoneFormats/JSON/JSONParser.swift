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
  ///   - firstLine: the number of the text's first line, for text that is part of a file.
  ///   - maximumDepth: how deeply arrays and objects may nest.
  /// - Throws: ``FormatError`` with line and column, both counted from 1, the latter in characters.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String, firstLine: Int = 1,
    duplicateKeys: DuplicateKeys = .lastWins, maximumDepth: Int = 256
  ) throws -> JSONValue {
    guard let start = bytes.baseAddress, bytes.count > 0 else {
      throw FormatError(file: file, problem: "is empty where JSON was expected")
    }
    var parser = JSONParser(
      start: start.assumingMemoryBound(to: UInt8.self), count: bytes.count, file: file,
      firstLine: firstLine, duplicateKeys: duplicateKeys, maximumDepth: maximumDepth)
    // Once for the whole text: its strings, cut out at quotes, are then valid too.
    if let fault = UTF8Check.firstFault(in: parser.start, count: parser.count) {
      parser.position = fault
      throw parser.error("the text is not valid UTF-8")
    }
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

  /// Parses a whole file.
  public static func parse(
    contentsOf file: MappedFile, duplicateKeys: DuplicateKeys = .lastWins
  ) throws -> JSONValue {
    try parse(file.bytes, file: file.path, duplicateKeys: duplicateKeys)
  }

  private let start: UnsafePointer<UInt8>
  private let count: Int
  private let file: String
  private let firstLine: Int
  private let duplicateKeys: DuplicateKeys
  private let maximumDepth: Int
  private var position = 0

  private init(
    start: UnsafePointer<UInt8>, count: Int, file: String, firstLine: Int,
    duplicateKeys: DuplicateKeys, maximumDepth: Int
  ) {
    self.start = start
    self.count = count
    self.file = file
    self.firstLine = firstLine
    self.duplicateKeys = duplicateKeys
    self.maximumDepth = maximumDepth
  }

  private func error(_ problem: String) -> FormatError {
    var line = firstLine
    var column = 1
    for index in 0..<min(position, count) {
      if start[index] == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if start[index] & 0xC0 != 0x80 {
        column += 1
      }
    }
    return FormatError(file: file, place: "line \(line), column \(column)", problem: problem)
  }

  /// The byte at the position, or 0 at the end: no value, key or separator begins with 0.
  private var next: UInt8 { position < count ? start[position] : 0 }

  private mutating func skipWhitespace() {
    while position < count {
      switch start[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws -> JSONValue {
    switch next {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): return try number()
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard depth < maximumDepth else {
        throw error("nested more than \(maximumDepth) levels deep")
      }
      return next == UInt8(ascii: "{") ? try object(depth: depth) : try array(depth: depth)
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default:
      throw error(
        position < count ? "expected a JSON value" : "the text ends where a value was expected")
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws -> JSONValue {
    let length = word.utf8CodeUnitCount
    guard position + length <= count else { throw error("expected '\(word)'") }
    for offset in 0..<length where start[position + offset] != word.utf8Start[offset] {
      throw error("expected '\(word)'")
    }
    position += length
    return value
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    position += 1
    skipWhitespace()
    if next == UInt8(ascii: "}") {
      position += 1
      return .object(JSONObject())
    }
    var keys: [String] = []
    var values: [JSONValue] = []
    while true {
      skipWhitespace()
      guard next == UInt8(ascii: "\"") else { throw error("expected a quoted key") }
      keys.append(try string())
      skipWhitespace()
      guard next == UInt8(ascii: ":") else { throw error("expected ':' after the key") }
      position += 1
      skipWhitespace()
      values.append(try value(depth: depth + 1))
      skipWhitespace()
      switch next {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        position += 1
        var repeated: String?
        let object = JSONObject(
          keys: keys, values: values, duplicates: duplicateKeys, repeated: &repeated)
        if let repeated {
          throw error(
            "the key \(FormatError.quoted(repeated)) stands twice in the object that ends here")
        }
        return .object(object)
      default: throw error("expected ',' or '}'")
      }
    }
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    position += 1
    skipWhitespace()
    if next == UInt8(ascii: "]") {
      position += 1
      return .array([])
    }
    var array: [JSONValue] = []
    // The merges of a vocabulary are hundreds of thousands of pairs.
    array.reserveCapacity(2)
    while true {
      skipWhitespace()
      array.append(try value(depth: depth + 1))
      skipWhitespace()
      switch next {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"):
        position += 1
        return .array(array)
      default: throw error("expected ',' or ']'")
      }
    }
  }

  // MARK: Numbers

  private mutating func number() throws -> JSONValue {
    let first = position
    let isNegative = next == UInt8(ascii: "-")
    if isNegative { position += 1 }
    let digitsStart = position
    var magnitude: UInt64 = 0
    while next &- UInt8(ascii: "0") <= 9 {
      magnitude = magnitude &* 10 &+ UInt64(next - UInt8(ascii: "0"))
      position += 1
    }
    let digitCount = position - digitsStart
    guard digitCount > 0 else { throw error("expected a digit") }
    if digitCount > 1, start[digitsStart] == UInt8(ascii: "0") {
      position = digitsStart + 1
      throw error("a number has a leading zero")
    }
    var isInteger = true
    if next == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try skipDigits()
    }
    if next | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      try skipDigits()
    }
    // Eighteen digits fit 64 bits whatever they are.
    if isInteger, digitCount <= 18 {
      return .integer(isNegative ? -Int(magnitude) : Int(magnitude))
    }
    let text = String(
      decoding: UnsafeBufferPointer(start: start + first, count: position - first), as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw error("number out of range") }
    return .number(value)
  }

  private mutating func skipDigits() throws {
    guard next &- UInt8(ascii: "0") <= 9 else { throw error("expected a digit") }
    while next &- UInt8(ascii: "0") <= 9 { position += 1 }
  }

  // MARK: Strings

  private mutating func string() throws -> String {
    position += 1
    let first = position
    while position < count {
      let byte = start[position]
      if byte == UInt8(ascii: "\"") {
        let bytes = UnsafeBufferPointer(start: start + first, count: position - first)
        position += 1
        return String(decoding: bytes, as: UTF8.self)
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: first) }
      guard byte >= 0x20 else { throw error("a control character stands inside a string") }
      position += 1
    }
    throw error("the text ends inside a string")
  }

  private mutating func escapedString(from first: Int) throws -> String {
    var units = Array(UnsafeBufferPointer(start: start + first, count: position - first))
    while position < count {
      let byte = start[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: units, as: UTF8.self)
      case UInt8(ascii: "\\"): try appendEscape(to: &units)
      case 0..<0x20:
        position -= 1
        throw error("a control character stands inside a string")
      default: units.append(byte)
      }
    }
    throw error("the text ends inside a string")
  }

  private mutating func appendEscape(to units: inout [UInt8]) throws {
    guard position < count else { throw error("the text ends inside a string") }
    let byte = start[position]
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
      if (0xD800..<0xDC00).contains(scalar), position + 1 < count,
        start[position] == UInt8(ascii: "\\"), start[position + 1] == UInt8(ascii: "u")
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
    default:
      position -= 1
      throw error("unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for offset in 0..<4 {
      let byte = position + offset < count ? start[position + offset] : 0
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("expected four hexadecimal digits after \\u")
      }
      value = value << 4 | UInt32(digit)
    }
    position += 4
    return value
  }
}
