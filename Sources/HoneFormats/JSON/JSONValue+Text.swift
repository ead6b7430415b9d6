/// How JSON text is laid out.
public enum JSONStyle: Equatable, Sendable {
  /// `{"a":[1,2]}`, the shortest.
  case compact
  /// `{"a": [1, 2]}`, what Python's `json.dumps` writes unasked.
  case spaced
  /// One member a line, as Python's `json.dumps` writes with `indent`.
  case indented(by: Int)
}

extension JSONValue {
  /// The value as JSON text.
  ///
  /// Characters beyond ASCII stand as they are, and numbers are spelled as Python's `repr` spells
  /// them, so the text equals `json.dumps(value, ensure_ascii=False)`. A number that is not finite,
  /// which JSON cannot express, becomes `null`.
  ///
  /// - Parameter sortingKeys: whether members are ordered by their keys' code points.
  public func text(_ style: JSONStyle = .compact, sortingKeys: Bool = false) -> String {
    String(decoding: bytes(style, sortingKeys: sortingKeys), as: UTF8.self)
  }

  /// The bytes of ``text(_:sortingKeys:)``.
  public func bytes(_ style: JSONStyle = .compact, sortingKeys: Bool = false) -> [UInt8] {
    var writer = JSONWriter(style: style, sortingKeys: sortingKeys)
    writer.write(self, level: 0)
    return writer.bytes
  }
}

extension JSONValue: CustomStringConvertible {
  /// The value as compact JSON text.
  public var description: String { text() }
}

private struct JSONWriter {
  let style: JSONStyle
  let sortingKeys: Bool
  var bytes: [UInt8] = []

  init(style: JSONStyle, sortingKeys: Bool) {
    self.style = style
    self.sortingKeys = sortingKeys
  }

  mutating func write(_ value: JSONValue, level: Int) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .integer(let value): bytes += String(value).utf8
    case .number(let value): bytes += (value.isFinite ? value.pythonDescription : "null").utf8
    case .string(let value): write(value)
    case .array(let values):
      list("[", values, "]", level: level) { $0.write($1, level: level + 1) }
    case .object(let object):
      var members = Array(object)
      if sortingKeys {
        // UTF-8 sorts as its code points do.
        members.sort { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
      }
      list("{", members, "}", level: level) {
        $0.write($1.0)
        $0.bytes += ($0.style == .compact ? ":" : ": ").utf8
        $0.write($1.1, level: level + 1)
      }
    }
  }

  private mutating func list<Item>(
    _ open: Unicode.Scalar, _ items: [Item], _ close: Unicode.Scalar, level: Int,
    _ body: (inout JSONWriter, Item) -> Void
  ) {
    bytes.append(UInt8(ascii: open))
    for (index, item) in items.enumerated() {
      if index > 0 { bytes += (style == .spaced ? ", " : ",").utf8 }
      newLine(level + 1)
      body(&self, item)
    }
    if !items.isEmpty { newLine(level) }
    bytes.append(UInt8(ascii: close))
  }

  private mutating func newLine(_ level: Int) {
    guard case .indented(let width) = style else { return }
    bytes.append(UInt8(ascii: "\n"))
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: width * level))
  }

  private mutating func write(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case 0x08: bytes += "\\b".utf8
      case 0x09: bytes += "\\t".utf8
      case 0x0A: bytes += "\\n".utf8
      case 0x0C: bytes += "\\f".utf8
      case 0x0D: bytes += "\\r".utf8
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        bytes += "\\u00".utf8
        bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
