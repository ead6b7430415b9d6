extension Jinja {
  /// Python's `repr`, with limits, since few shared lists can print as very many.
  struct Representation {
    private(set) var output = ""
    private let limit: Int
    /// Pays for each element.
    private let evaluator: Evaluator?

    init(limit: Int, evaluator: Evaluator? = nil) {
      self.limit = limit
      self.evaluator = evaluator
    }

    mutating func write(_ value: Value) throws {
      guard output.utf8.count <= limit else {
        throw Failure(.limit, "a value that prints as more than \(limit) bytes")
      }
      switch value {
      case .missing, .undefined: output += "Undefined"
      case .none: output += "None"
      case .bool(let value): output += value ? "True" : "False"
      case .int(let value): output += String(value)
      case .float(let value): output += Representation.float(value)
      case .string(let text): quote(text)
      case .markup(let text):
        output += "Markup("
        quote(text)
        output += ")"
      case .list(let items): try write(items.values, "[", "]")
      case .tuple(let items): try write(items.values, "(", items.values.count == 1 ? ",)" : ")")
      case .dict(let dictionary): try write(dictionary)
      case .view(let view):
        output += view.kind.rawValue + "("
        try write(try view.elements, "[", "]")
        output += ")"
      case .namespace(let namespace):
        output += "<Namespace "
        try write(namespace)
        output += ">"
      default: output += try Representation.opaque(value)
      }
    }

    private mutating func write(_ values: [Value], _ open: String, _ close: String) throws {
      output += open
      try evaluator?.charge(values.count * 4)
      for (index, value) in values.enumerated() {
        if index > 0 { output += ", " }
        try write(value)
      }
      output += close
    }

    private mutating func write(_ dictionary: Dictionary) throws {
      output += "{"
      try evaluator?.charge(dictionary.count * 4)
      for (index, (key, value)) in zip(dictionary.keys, dictionary.values).enumerated() {
        if index > 0 { output += ", " }
        try write(key)
        output += ": "
        try write(value)
      }
      output += "}"
    }

    private var openNamespaces: [ObjectIdentifier] = []

    /// A namespace may hold itself.
    private mutating func write(_ namespace: Namespace) throws {
      let identity = ObjectIdentifier(namespace)
      guard !openNamespaces.contains(identity), openNamespaces.count < 10 else {
        throw Failure(.recursion, "namespaces that hold one another cannot be printed")
      }
      openNamespaces.append(identity)
      defer { openNamespaces.removeLast() }
      try write(namespace.attributes)
    }

    private static func opaque(_ value: Value) throws -> String {
      switch value {
      case .range(let range):
        let step = range.step == 1 ? "" : ", \(range.step)"
        return "range(\(range.start), \(range.stop)\(step))"
      case .macro(let macro):
        return macro.definition.name.map { "<Macro '\($0)'>" } ?? "<Macro anonymous>"
      case .loop(let loop): return try loop.description
      case .function(let function):
        return function.receiver.map {
          "<built-in method \(function.name) of \($0.typeName) object>"
        } ?? "<function \(function.name)>"
      // Python shows the object's address, which no template can rely on.
      default: return "<\(value.typeName) object>"
      }
    }

    private mutating func quote(_ text: String) {
      let hasSingle = text.utf8.contains(UInt8(ascii: "'"))
      let hasDouble = text.utf8.contains(UInt8(ascii: "\""))
      let mark: Unicode.Scalar = hasSingle && !hasDouble ? "\"" : "'"
      output.unicodeScalars.append(mark)
      for scalar in text.unicodeScalars {
        switch scalar {
        case mark, "\\":
          output += "\\"
          output.unicodeScalars.append(scalar)
        case "\n": output += "\\n"
        case "\r": output += "\\r"
        case "\t": output += "\\t"
        case _ where Text.isPrintable(scalar): output.unicodeScalars.append(scalar)
        default: output += Representation.escape(scalar)
        }
      }
      output.unicodeScalars.append(mark)
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
      switch scalar.value {
      case 0..<0x100: "\\x" + hexadecimal(scalar.value, width: 2)
      case 0..<0x10000: "\\u" + hexadecimal(scalar.value, width: 4)
      default: "\\U" + hexadecimal(scalar.value, width: 8)
      }
    }

    static func hexadecimal(_ value: UInt32, width: Int) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// The shortest digits that read back as the same number, with an exponent where Python has one.
    static func float(_ value: Double) -> String {
      if value.isNaN { return "nan" }
      if value.isInfinite { return value < 0 ? "-inf" : "inf" }
      if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
      let (digits, exponent) = decimalDigits(of: value.magnitude)
      let sign = value < 0 ? "-" : ""
      // The decimal point stands behind `exponent` digits.
      if exponent > 16 || exponent < -3 {
        let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
        let power = exponent - 1
        let shown = (power < 0 ? "-" : "+") + (abs(power) < 10 ? "0" : "") + String(abs(power))
        return sign + digits.prefix(1) + fraction + "e" + shown
      }
      if exponent <= 0 { return sign + "0." + String(repeating: "0", count: -exponent) + digits }
      if digits.count <= exponent {
        return sign + digits + String(repeating: "0", count: exponent - digits.count) + ".0"
      }
      return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
    }

    private static func decimalDigits(of value: Double) -> (digits: String, exponent: Int) {
      let parts = value.description.split(separator: "e")
      var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
      let mantissa = parts[0].split(separator: ".")
      exponent += mantissa[0].count
      var digits = mantissa.joined()
      while digits.hasPrefix("0") {
        digits.removeFirst()
        exponent -= 1
      }
      while digits.hasSuffix("0") { digits.removeLast() }
      return (digits, exponent)
    }
  }
}

extension Jinja.Value {
  /// `repr`, for error messages; a value too large to show gives its type.
  func representation(limit: Int) -> String {
    var writer = Jinja.Representation(limit: limit)
    do {
      try writer.write(self)
      return writer.output
    } catch {
      return "<\(typeName) object>"
    }
  }
}

extension Jinja.Evaluator {
  /// Python's `str`.
  func string(_ value: Value) throws -> String {
    switch value {
    case .string(let text), .markup(let text): return text
    case .missing, .undefined: return ""
    case .int(let value): return String(value)
    case .bool(let value): return value ? "True" : "False"
    case .none: return "None"
    default: return try representation(value)
    }
  }

  func representation(_ value: Value) throws -> String {
    var writer = Jinja.Representation(limit: Jinja.Limits.textBytes, evaluator: self)
    try writer.write(value)
    try charge(scanning: writer.output.utf8.count)
    return writer.output
  }
}
