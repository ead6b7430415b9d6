extension Jinja {
  /// Python's `json.dumps`.
  struct JSONWriter {
    private(set) var output = ""
    private let isASCII: Bool
    private let sortsKeys: Bool
    private var indent: String?
    private var level = 0
    var itemSeparator = ", "
    var keySeparator = ": "

    init(isASCII: Bool = false, sortsKeys: Bool = false) {
      self.isASCII = isASCII
      self.sortsKeys = sortsKeys
    }

    /// One item a line, each level this much further in.
    mutating func setIndent(_ indent: String) {
      self.indent = indent
      itemSeparator = ","
    }

    mutating func write(_ value: Value, _ evaluator: Evaluator) throws {
      guard output.utf8.count <= Limits.textBytes else {
        throw Failure(.limit, "JSON of more than \(Limits.textBytes >> 20) MB")
      }
      switch value {
      case .none: output += "null"
      case .bool(let value): output += value ? "true" : "false"
      case .int(let value): output += String(value)
      case .float(let value): output += JSONWriter.number(value)
      case .string(let text), .markup(let text): quote(text)
      case .list(let items), .tuple(let items):
        try evaluator.charge(items.values.count * 4)
        try enclose("[", "]", count: items.values.count) { writer, index in
          try writer.write(items.values[index], evaluator)
        }
      case .dict(let dictionary): try write(dictionary, evaluator)
      default:
        throw Failure(.type, "Object of type \(value.typeName) is not JSON serializable")
      }
    }

    private mutating func write(_ dictionary: Dictionary, _ evaluator: Evaluator) throws {
      var order = Array(dictionary.keys.indices)
      try evaluator.charge(order.count * (sortsKeys ? 16 : 4))
      if sortsKeys {
        try order.sort { try evaluator.isLess(dictionary.keys[$0], dictionary.keys[$1]) }
      }
      try enclose("{", "}", count: order.count) { writer, index in
        writer.quote(try JSONWriter.name(dictionary.keys[order[index]]))
        writer.output += writer.keySeparator
        try writer.write(dictionary.values[order[index]], evaluator)
      }
    }

    private mutating func enclose(
      _ open: String, _ close: String, count: Int,
      _ item: (inout JSONWriter, Int) throws -> Void
    ) throws {
      output += open
      if count > 0 {
        level += 1
        for index in 0..<count {
          if index > 0 { output += itemSeparator }
          try breakLine()
          try item(&self, index)
        }
        level -= 1
        try breakLine()
      }
      output += close
    }

    private mutating func breakLine() throws {
      guard let indent else { return }
      guard output.utf8.count + indent.utf8.count * level <= Limits.textBytes else {
        throw Failure(.limit, "JSON of more than \(Limits.textBytes >> 20) MB")
      }
      output += "\n"
      for _ in 0..<level { output += indent }
    }

    private static func name(_ key: Value) throws -> String {
      switch key {
      case .string(let text), .markup(let text): return text
      case .int(let value): return String(value)
      case .float(let value): return number(value)
      case .bool(let value): return value ? "true" : "false"
      case .none: return "null"
      default:
        throw Failure(
          .type, "keys must be str, int, float, bool or None, not \(key.typeName)")
      }
    }

    private static func number(_ value: Double) -> String {
      if value.isNaN { return "NaN" }
      if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
      return Representation.float(value)
    }

    private mutating func quote(_ text: String) {
      output += "\""
      let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 < 0x80 }
      if isPlain {
        output += text
      } else {
        for scalar in text.unicodeScalars { append(scalar) }
      }
      output += "\""
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{08}": output += "\\b"
      case "\u{0C}": output += "\\f"
      case "\u{00}"..<" ":
        output += "\\u" + Representation.hexadecimal(scalar.value, width: 4)
      case _ where isASCII && scalar.value >= 0x7F:
        for unit in String(scalar).utf16 {
          output += "\\u" + Representation.hexadecimal(UInt32(unit), width: 4)
        }
      default: output.unicodeScalars.append(scalar)
      }
    }
  }
}
