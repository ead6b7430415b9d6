extension Jinja.Evaluator {
  private typealias Scalars = Substring.UnicodeScalarView

  /// `str.format`, with the sandbox's lookup of attributes and items.
  func format(_ text: String, _ arguments: Jinja.Arguments, isMarkup: Bool) throws -> String {
    var fields = FieldFormatter(evaluator: self, arguments: arguments, isMarkup: isMarkup)
    return try fields.format(text.unicodeScalars[...], depth: 2)
  }

  func formatMap(_ text: String, _ arguments: Jinja.Arguments, isMarkup: Bool) throws -> String {
    var reader = arguments.reader("format_map")
    guard case .dict(let mapping) = try reader.required("mapping") else {
      throw Failure(.type, "format_map() takes a mapping")
    }
    try reader.finish()
    var named = Jinja.Arguments()
    for (key, value) in zip(mapping.keys, mapping.values) {
      if let name = key.text { named.keyword.append((name, value)) }
    }
    return try format(text, named, isMarkup: isMarkup)
  }

  /// The replacement fields of one format string.
  private struct FieldFormatter {
    let evaluator: Jinja.Evaluator
    let arguments: Jinja.Arguments
    let isMarkup: Bool
    /// The number of the next unnumbered field; nil once fields are numbered by hand.
    private var automatic: Int? = 0

    init(evaluator: Jinja.Evaluator, arguments: Jinja.Arguments, isMarkup: Bool) {
      self.evaluator = evaluator
      self.arguments = arguments
      self.isMarkup = isMarkup
    }

    mutating func format(_ source: Scalars, depth: Int) throws -> String {
      guard depth > 0 else { throw Failure(.value, "Max string recursion exceeded") }
      var rest = source
      var result = ""
      while let scalar = rest.popFirst() {
        switch scalar {
        case "{" where rest.first == "{", "}" where rest.first == "}":
          rest.removeFirst()
          result.unicodeScalars.append(scalar)
        case "{":
          if rest.isEmpty {
            throw Failure(.value, "Single '{' encountered in format string")
          }
          let piece = try field(&rest, depth: depth)
          try evaluator.charge(text: result.utf8.count + piece.utf8.count, copying: piece)
          result += piece
        case "}": throw Failure(.value, "Single '}' encountered in format string")
        default: result.unicodeScalars.append(scalar)
        }
      }
      return result
    }

    /// One field, whose opening brace has been read.
    private mutating func field(_ rest: inout Scalars, depth: Int) throws -> String {
      var name = String.UnicodeScalarView()
      var isBracketed = false
      while let scalar = rest.first, isBracketed || !"!:}".unicodeScalars.contains(scalar) {
        if scalar == "[" { isBracketed = true }
        if scalar == "]" { isBracketed = false }
        if scalar == "{" { throw Failure(.value, "unexpected '{' in field name") }
        name.append(rest.removeFirst())
      }
      var value = try lookUp(name)
      if rest.first == "!" {
        rest.removeFirst()
        switch rest.popFirst() {
        case "s": value = .string(try evaluator.string(value))
        case "r", "a": value = .string(try evaluator.representation(value))
        case let other?:
          throw Failure(.value, "Unknown conversion specifier '\(other)'")
        case nil: break
        }
      }
      guard let mark = rest.popFirst() else {
        throw Failure(.value, "expected '}' before end of string")
      }
      guard mark == ":" else {
        guard mark == "}" else {
          throw Failure(.value, "expected ':' after conversion specifier")
        }
        return try shown(value, spec: "")
      }
      let spec = try specification(&rest)
      return try shown(value, spec: try format(spec[...], depth: depth - 1))
    }

    /// Up to the brace that closes the field; inner fields keep theirs.
    private func specification(_ rest: inout Scalars) throws -> String.UnicodeScalarView {
      var spec = String.UnicodeScalarView()
      var depth = 0
      while let scalar = rest.popFirst() {
        if scalar == "{" { depth += 1 }
        if scalar == "}" {
          if depth == 0 { return spec }
          depth -= 1
        }
        spec.append(scalar)
      }
      throw Failure(.value, "expected '}' before end of string")
    }

    private mutating func lookUp(_ name: String.UnicodeScalarView) throws -> Value {
      let end = name.firstIndex { $0 == "." || $0 == "[" } ?? name.endIndex
      let first = String(name[..<end])
      var value: Value
      if first.isEmpty || Int(first) != nil {
        let index: Int
        if let number = Int(first) {
          guard automatic == nil || automatic == 0 else {
            throw Failure(
              .value,
              "cannot switch from manual field specification to automatic field numbering")
          }
          automatic = nil
          index = number
        } else {
          guard let next = automatic else {
            throw Failure(
              .value,
              "cannot switch from manual field specification to automatic field numbering")
          }
          automatic = next + 1
          index = next
        }
        guard arguments.positional.indices.contains(index) else {
          throw Failure(
            .index, "tuple index out of range")
        }
        value = arguments.positional[index]
      } else {
        guard let found = arguments.keyword.first(where: { $0.name == first }) else {
          throw Failure(.key, Value.string(first).representation(limit: 200))
        }
        value = found.value
      }
      var rest = name[end...]
      while let mark = rest.popFirst() {
        if mark == "." {
          let end = rest.firstIndex { $0 == "." || $0 == "[" } ?? rest.endIndex
          value = try evaluator.attribute(String(rest[..<end]), of: value)
          rest = rest[end...]
        } else {
          guard mark == "[", let end = rest.firstIndex(of: "]") else {
            throw Failure(.value, "Only '.' or '[' may follow ']' in format field specifier")
          }
          let key = String(rest[..<end])
          value = try evaluator.item(Int(key).map { .int($0) } ?? .string(key), of: value)
          rest = rest[rest.index(after: end)...]
        }
      }
      return value
    }

    private func shown(_ value: Value, spec: String) throws -> String {
      let text = try plain(value, spec: spec)
      return isMarkup && !value.isMarkup ? Jinja.Text.escapedForHTML(text) : text
    }

    private func plain(_ value: Value, spec: String) throws -> String {
      if spec.isEmpty { return try evaluator.string(value) }
      var format = try parse(spec)
      try evaluator.charge(bytes: format.width)
      switch value {
      case .string, .markup, .undefined:
        guard format.type == nil || format.type == "s" else { throw unknown(format, value) }
        if format.alignment == "=" {
          throw Failure(.value, "'=' alignment not allowed in string format specifier")
        }
        var text = try evaluator.string(value)
        if let precision = format.precision, precision < Jinja.Text.count(text) {
          text = Jinja.Text.slice(text, 0..<precision)
        }
        return format.padded(text, default: "<")
      case .int(let number):
        guard format.type.map("bcdeEfFgGnoxX%".unicodeScalars.contains) ?? true else {
          throw unknown(format, value)
        }
        return try format.text(number)
      case .bool(let truth):
        return try format.text(truth ? 1 : 0)
      case .float(let number):
        if format.type == "d" || format.type == "s" { throw unknown(format, value) }
        return try format.text(number)
      default:
        format.width = 0
        throw Failure(
          .type, "unsupported format string passed to \(value.typeName).__format__")
      }
    }

    private func unknown(_ format: Jinja.NumberFormat, _ value: Value) -> Failure {
      Failure(
        .value,
        "Unknown format code '\(format.type.map { String($0) } ?? "")' for object of type"
          + " '\(value.typeName)'")
    }

    private func parse(_ spec: String) throws -> Jinja.NumberFormat {
      var format = Jinja.NumberFormat()
      var rest = spec.unicodeScalars[...]
      let isAlignment = { (scalar: Unicode.Scalar) in "<>^=".unicodeScalars.contains(scalar) }
      var hasFill = false
      if let second = rest.dropFirst().first, isAlignment(second) {
        hasFill = true
        format.fill = rest.removeFirst()
        format.alignment = rest.removeFirst()
      } else if let first = rest.first, isAlignment(first) {
        format.alignment = rest.removeFirst()
      }
      if let sign = rest.first, sign == "+" || sign == "-" || sign == " " {
        format.sign = rest.removeFirst()
      }
      if rest.first == "#" {
        rest.removeFirst()
        format.isAlternate = true
      }
      if rest.first == "0" {
        rest.removeFirst()
        if !hasFill { format.fill = "0" }
        if format.alignment == nil { format.alignment = "=" }
      }
      format.width = try evaluator.readDigits(&rest) ?? 0
      if let mark = rest.first, mark == "," || mark == "_" { format.grouping = rest.removeFirst() }
      if rest.first == "." {
        rest.removeFirst()
        guard let precision = try evaluator.readDigits(&rest) else {
          throw Failure(.value, "Format specifier missing precision")
        }
        format.precision = precision
      }
      format.type = rest.popFirst()
      guard rest.isEmpty else { throw Failure(.value, "Invalid format specifier") }
      return format
    }
  }
}
