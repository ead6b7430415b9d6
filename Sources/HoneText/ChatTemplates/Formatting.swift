#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Jinja {
  /// Numbers as text, by the rules that `%` and `str.format` share.
  struct NumberFormat {
    var fill: Unicode.Scalar = " "
    /// `<`, `>`, `^` or `=`; nil takes the type's own.
    var alignment: Unicode.Scalar?
    /// `+`, `-` or a space.
    var sign: Unicode.Scalar = "-"
    var isAlternate = false
    var width = 0
    /// `,` or `_` between groups of digits.
    var grouping: Unicode.Scalar?
    var precision: Int?
    var type: Unicode.Scalar?

    /// Wider and more precise than any template needs; beyond it a hostile one would fill memory.
    static let largest = 100_000

    func text(_ value: Int) throws -> String {
      let magnitude = value.magnitude
      var digits: String
      var prefix = ""
      switch type {
      case nil, "d", "i", "u", "n": digits = String(magnitude)
      case "x", "X":
        digits = String(magnitude, radix: 16, uppercase: type == "X")
        if isAlternate { prefix = type == "X" ? "0X" : "0x" }
      case "o":
        digits = String(magnitude, radix: 8)
        if isAlternate { prefix = "0o" }
      case "b":
        digits = String(magnitude, radix: 2)
        if isAlternate { prefix = "0b" }
      case "c":
        guard let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init) else {
          throw Failure(.overflow, "%c arg not in range(0x110000)")
        }
        return padded(String(scalar), default: "<")
      default: return try text(Double(value))
      }
      if let grouping {
        digits = grouped(digits, by: type == nil || type == "d" ? 3 : 4, grouping)
      }
      return assembled(isNegative: value < 0, prefix: prefix, digits)
    }

    func text(_ value: Double) throws -> String {
      var digits: String
      let magnitude = value.magnitude
      if !value.isFinite {
        digits = value.isNaN ? "nan" : "inf"
        if type == "F" || type == "E" || type == "G" { digits = digits.uppercased() }
      } else if type == nil, precision == nil {
        digits = Representation.float(magnitude)
      } else if type == nil, let precision {
        // Like `g`, but a number never looks like an integer.
        digits = print(magnitude, "g", max(precision, 1))
        if !digits.contains("e"), !digits.contains(".") { digits += ".0" }
      } else if type == "%" {
        digits = print(magnitude * 100, "f", precision ?? 6) + "%"
      } else {
        guard let type, "eEfFgGn".unicodeScalars.contains(type) else {
          throw Failure(
            .value,
            "Unknown format code '\(type.map(String.init) ?? "")' for object of type 'float'")
        }
        digits = print(magnitude, type == "n" ? "g" : type, precision ?? 6)
      }
      if let grouping {
        let whole = digits.prefix { $0.isNumber }
        digits = grouped(String(whole), by: 3, grouping) + digits.dropFirst(whole.count)
      }
      let isNegative = value.sign == .minus && !value.isNaN
      return assembled(isNegative: isNegative, prefix: "", digits)
    }

    /// One number through the C library, whose digits are exact.
    private func print(_ value: Double, _ type: Unicode.Scalar, _ precision: Int) -> String {
      let format = "%" + (isAlternate ? "#" : "") + ".*" + String(type)
      let capacity = precision + 400
      return withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
        let count = withVaList([Int32(clamping: precision), value]) {
          vsnprintf(buffer.baseAddress, capacity, format, $0)
        }
        let bytes = UnsafeRawBufferPointer(buffer).prefix(max(0, min(Int(count), capacity - 1)))
        return String(decoding: bytes, as: UTF8.self)
      }
    }

    private func grouped(_ digits: String, by size: Int, _ mark: Unicode.Scalar) -> String {
      var result = String.UnicodeScalarView()
      for (index, digit) in digits.unicodeScalars.enumerated() {
        if index > 0, (digits.utf8.count - index) % size == 0 { result.append(mark) }
        result.append(digit)
      }
      return String(result)
    }

    private func assembled(isNegative: Bool, prefix: String, _ digits: String) -> String {
      let sign = isNegative ? "-" : sign == "-" ? "" : String(sign)
      if alignment == "=" {
        let missing = width - sign.utf8.count - prefix.utf8.count - digits.utf8.count
        let padding = Text.string(repeatElement(fill, count: max(0, missing)))
        return sign + prefix + padding + digits
      }
      return padded(sign + prefix + digits, default: ">")
    }

    func padded(_ text: String, default side: Unicode.Scalar) -> String {
      let missing = width - Text.count(text)
      guard missing > 0 else { return text }
      let left =
        switch alignment ?? side {
        case "<": 0
        case "^": missing / 2
        default: missing
        }
      return Text.string(repeatElement(fill, count: left)) + text
        + Text.string(repeatElement(fill, count: missing - left))
    }
  }
}

// MARK: - The % operator

extension Jinja.Evaluator {
  /// Python's `format % values`.
  func formatPercent(_ format: String, _ values: Value, isMarkup: Bool) throws -> Value {
    var positional = [values]
    var mapping: Jinja.Dictionary?
    // Python lets whatever has items by key go unused.
    var isMapping = false
    switch values {
    case .tuple(let items): positional = items.values
    case .dict(let dictionary):
      mapping = dictionary
      isMapping = true
    case .list, .range, .undefined: isMapping = true
    default: break
    }
    try charge(scanning: format.utf8.count)
    var used = 0
    let next = { () throws -> Value in
      guard used < positional.count else {
        throw Failure(.type, "not enough arguments for format string")
      }
      defer { used += 1 }
      return positional[used]
    }

    var result = ""
    let scalars = format.unicodeScalars
    var rest = scalars[...]
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      var spec = Jinja.NumberFormat()
      var value: Value?
      if rest.first == "(" {
        guard let mapping else { throw Failure(.type, "format requires a mapping") }
        value = try mapped(&rest, mapping)
      }
      readFlags(&rest, &spec)
      spec.width = try readNumber(&rest, next) ?? 0
      if spec.width < 0 {
        spec.alignment = "<"
        spec.width = -spec.width
      }
      if rest.first == "." {
        rest.removeFirst()
        spec.precision = max(0, try readNumber(&rest, next) ?? 0)
      }
      while let length = rest.first, "hlL".unicodeScalars.contains(length) { rest.removeFirst() }
      guard let type = rest.popFirst() else { throw Failure(.value, "incomplete format") }
      if type == "%" {
        result += "%"
        continue
      }
      guard "sradiuxXoceEfFgG".unicodeScalars.contains(type) else {
        let code = Jinja.Representation.hexadecimal(type.value, width: 1)
        throw Failure(
          .value,
          "unsupported format character '\(type)' (0x\(code)) at index"
            + " \(scalars.count - rest.count - 1)")
      }
      let piece = try converted(try value ?? next(), type, spec, isMarkup)
      try charge(text: result.utf8.count + piece.utf8.count, copying: piece)
      result += piece
    }
    if !isMapping, used < positional.count {
      throw Failure(.type, "not all arguments converted during string formatting")
    }
    return isMarkup ? .markup(result) : .string(result)
  }

  private func mapped(
    _ rest: inout Substring.UnicodeScalarView, _ mapping: Jinja.Dictionary
  ) throws -> Value {
    rest.removeFirst()
    var depth = 1
    var key = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      if scalar == "(" { depth += 1 }
      if scalar == ")" { depth -= 1 }
      if depth == 0 {
        let name = String(key)
        guard let value = mapping[name] else {
          throw Failure(.key, Value.string(name).representation(limit: 200))
        }
        return value
      }
      key.append(scalar)
    }
    throw Failure(.value, "incomplete format key")
  }

  private func readFlags(
    _ rest: inout Substring.UnicodeScalarView, _ spec: inout Jinja.NumberFormat
  ) {
    while let flag = rest.first {
      switch flag {
      case "-": spec.alignment = "<"
      case "+": spec.sign = "+"
      case " ": if spec.sign != "+" { spec.sign = " " }
      case "#": spec.isAlternate = true
      case "0":
        if spec.alignment == nil {
          spec.alignment = "="
          spec.fill = "0"
        }
      default: return
      }
      if spec.alignment == "<" { spec.fill = " " }
      rest.removeFirst()
    }
  }

  private func readNumber(
    _ rest: inout Substring.UnicodeScalarView, _ next: () throws -> Value
  ) throws -> Int? {
    if rest.first == "*" {
      rest.removeFirst()
      guard let number = try next().integer else { throw Failure(.type, "* wants int") }
      guard abs(number) <= Jinja.NumberFormat.largest else {
        throw Failure(.value, "width too big")
      }
      return number
    }
    return try readDigits(&rest)
  }

  func readDigits(_ rest: inout Substring.UnicodeScalarView) throws -> Int? {
    var number: Int?
    while let digit = rest.first, ("0"..."9").contains(digit) {
      rest.removeFirst()
      let sum = (number ?? 0) * 10 + Int(digit.value - 0x30)
      guard sum <= Jinja.NumberFormat.largest else { throw Failure(.value, "width too big") }
      number = sum
    }
    return number
  }

  private func converted(
    _ value: Value, _ type: Unicode.Scalar, _ spec: Jinja.NumberFormat, _ isMarkup: Bool
  ) throws -> String {
    var spec = spec
    spec.type = type
    try charge(bytes: spec.width)
    switch type {
    case "s", "r", "a":
      var text = type == "s" ? try string(value) : try representation(value)
      if isMarkup, !value.isMarkup || type != "s" { text = Jinja.Text.escapedForHTML(text) }
      if let precision = spec.precision, precision < Jinja.Text.count(text) {
        text = Jinja.Text.slice(text, 0..<precision)
      }
      spec.fill = " "
      if spec.alignment == "=" { spec.alignment = ">" }
      return spec.padded(text, default: ">")
    case "d", "i", "u":
      if case .float(let number) = value { return try spec.text(try truncated(number)) }
      guard let integer = value.integer else {
        throw Failure(
          .type, "%\(type) format: a real number is required, not \(value.typeName)")
      }
      if let precision = spec.precision { return try zeroPadded(integer, precision, spec) }
      return try spec.text(integer)
    case "x", "X", "o":
      guard let integer = value.integer else {
        throw Failure(.type, "%\(type) format: an integer is required, not \(value.typeName)")
      }
      return try spec.text(integer)
    case "c":
      if let text = value.text, text.unicodeScalars.count == 1 {
        return spec.padded(text, default: ">")
      }
      guard let integer = value.integer else {
        throw Failure(.type, "%c requires int or char")
      }
      return try spec.text(integer)
    default:
      guard let number = value.number else {
        throw Failure(.type, "must be real number, not \(value.typeName)")
      }
      return try spec.text(number)
    }
  }

  private func zeroPadded(
    _ value: Int, _ precision: Int, _ spec: Jinja.NumberFormat
  ) throws -> String {
    let digits = String(value.magnitude)
    let zeros = String(repeating: "0", count: max(0, precision - digits.utf8.count))
    let sign = value < 0 ? "-" : spec.sign == "-" ? "" : String(spec.sign)
    return spec.padded(sign + zeros + digits, default: ">")
  }

  /// A float as an integer, towards zero.
  func truncated(_ number: Double) throws -> Int {
    if number.isNaN { throw Failure(.value, "cannot convert float NaN to integer") }
    if number.isInfinite {
      throw Failure(.overflow, "cannot convert float infinity to integer")
    }
    guard let integer = Int(exactly: number.rounded(.towardZero)) else {
      throw Failure(.overflow, "an integer of more than 64 bits")
    }
    return integer
  }
}
