extension Jinja {
  /// The filters by name: Jinja's own, with `tojson` as transformers has it.
  enum Filters {
    typealias Body = @Sendable (Evaluator, Value, Arguments) throws -> Value

    static let all: [(name: String, body: Body)] = [
      ("abs", abs), ("attr", attr), ("batch", batch), ("capitalize", capitalize),
      ("center", center), ("count", length), ("d", fallback), ("default", fallback),
      ("dictsort", dictsort), ("e", escape), ("escape", escape),
      ("filesizeformat", filesizeformat), ("first", first), ("float", float),
      ("forceescape", forceescape), ("format", format), ("groupby", groupby),
      ("indent", indent), ("int", int), ("items", items), ("join", join), ("last", last),
      ("length", length), ("list", list), ("lower", lower), ("map", map), ("max", max),
      ("min", min), ("pprint", pprint), ("random", unavailable), ("reject", reject),
      ("rejectattr", rejectattr), ("replace", replace), ("reverse", reverse), ("round", round),
      ("safe", safe), ("select", select), ("selectattr", selectattr), ("slice", slice),
      ("sort", sort), ("string", string), ("striptags", striptags), ("sum", sum),
      ("title", title), ("tojson", tojson), ("trim", trim), ("truncate", truncate),
      ("unique", unique), ("upper", upper), ("urlencode", urlencode), ("urlize", unavailable),
      ("wordcount", wordcount), ("wordwrap", wordwrap), ("xmlattr", xmlattr),
    ]

    static let index: [String: Int] = Swift.Dictionary(
      uniqueKeysWithValues: all.enumerated().map { ($1.name, $0) })

    /// Calls a filter whose name is a value, as `map` does.
    static func call(
      _ name: Value, _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      guard let index = name.text.flatMap({ index[$0] }) else {
        throw Failure(.runtime, "No filter named \(name.representation(limit: 200)).")
      }
      return try all[index].body(evaluator, value, arguments)
    }

    @Sendable private static func unavailable(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      throw Failure(.runtime, "the filters 'random' and 'urlize' are not available here")
    }

    // MARK: Any value

    @Sendable private static func fallback(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      var reader = arguments.reader("do_default")
      let other = try reader.optional("default_value") ?? .emptyString
      let replacesFalse = try reader.bool("boolean", default: false)
      try reader.finish()
      return value.isUndefined || (replacesFalse && !value.isTrue) ? other : value
    }

    @Sendable private static func attr(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      var reader = arguments.reader("do_attr")
      let name = try reader.text("name")
      try reader.finish()
      if case .undefined(let undefined) = value { throw undefined.failure }
      return try evaluator.ownAttribute(name, of: value)
        ?? .undefined(Undefined(.attribute(of: value.objectDescription, name)))
    }

    @Sendable private static func length(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      try arguments.none("len")
      return .int(try evaluator.length(of: value))
    }

    @Sendable private static func string(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      try arguments.none("soft_str")
      return value.text != nil ? value : .string(try evaluator.string(value))
    }

    @Sendable private static func tojson(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      var reader = arguments.reader("tojson")
      let isASCII = try reader.bool("ensure_ascii", default: false)
      let indent = try reader.optional("indent")
      let separators = try reader.optional("separators")
      let sortsKeys = try reader.bool("sort_keys", default: false)
      try reader.finish()
      var writer = JSONWriter(isASCII: isASCII, sortsKeys: sortsKeys)
      switch indent {
      case nil, .some(.none): break
      case let value?:
        let step = try value.text ?? evaluator.repeated(" ", try ArgumentReader.integer(value))
        writer.setIndent(step)
      }
      switch separators {
      case nil, .some(.none): break
      case let value?:
        let parts = try evaluator.elements(of: value).map(ArgumentReader.text)
        guard parts.count == 2 else {
          throw Failure(.value, "separators must be a pair of texts")
        }
        writer.itemSeparator = parts[0]
        writer.keySeparator = parts[1]
      }
      try writer.write(value, evaluator)
      try evaluator.charge(scanning: writer.output.utf8.count)
      return .string(writer.output)
    }

    @Sendable private static func pprint(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      try arguments.none("do_pprint")
      var printer = PrettyPrinter(evaluator: evaluator)
      return .string(try printer.formatted(value))
    }

    // MARK: Numbers

    @Sendable private static func abs(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      try arguments.none("abs")
      if let integer = value.integer {
        return integer < 0 ? try evaluator.apply(.negative, value) : .int(integer)
      }
      guard case .float(let number) = value else {
        throw Failure(.type, "bad operand type for abs(): '\(value.typeName)'")
      }
      return .float(number.magnitude)
    }

    @Sendable private static func int(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      var reader = arguments.reader("do_int")
      let fallback = try reader.optional("default") ?? .int(0)
      let base = try reader.integer("base", default: 10)
      try reader.finish()
      switch value {
      case .int, .bool: return .int(value.integer ?? 0)
      case .float(let number):
        return number.isNaN ? fallback : .int(try evaluator.truncated(number))
      case .string(let text), .markup(let text):
        try evaluator.charge(scanning: text.utf8.count)
        if let integer = Numerals.integer(text, base: base) { return .int(integer) }
        guard let number = Numerals.float(text), number.isFinite else { return fallback }
        return .int(try evaluator.truncated(number))
      case .undefined(let undefined): throw undefined.failure
      default: return fallback
      }
    }

    @Sendable private static func float(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      var reader = arguments.reader("do_float")
      let fallback = try reader.optional("default") ?? .float(0)
      try reader.finish()
      if case .undefined(let undefined) = value { throw undefined.failure }
      if let number = value.number { return .float(number) }
      return value.text.flatMap(Numerals.float).map { .float($0) } ?? fallback
    }

    @Sendable private static func round(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      var reader = arguments.reader("do_round")
      let precision = try reader.integer("precision", default: 0)
      let method = try reader.optional("method") ?? .string("common")
      try reader.finish()
      guard let name = method.text, ["common", "ceil", "floor"].contains(name) else {
        throw Failure(.filterArgument, "method must be common, ceil or floor")
      }
      guard let number = value.number else {
        throw Failure(.type, "type \(value.typeName) doesn't define __round__ method")
      }
      if name == "common" {
        if let integer = value.integer {
          return try Numerals.rounded(integer, precision).map { .int($0) }
            ?? evaluator.apply(.power, .int(2), .int(64))
        }
        guard number.isFinite else { return value }
        return .float(try Numerals.rounded(number, precision))
      }
      let scale = try evaluator.apply(.power, .int(10), .int(precision))
      let scaled = try evaluator.apply(.multiply, value, scale).number ?? number
      guard scaled.isFinite else {
        throw Failure(.overflow, "cannot convert float infinity to integer")
      }
      let whole = name == "ceil" ? scaled.rounded(.up) : scaled.rounded(.down)
      // The sign of a zero is lost on the way through Python's integers.
      return try evaluator.apply(.divide, .float(whole + 0), scale)
    }

    @Sendable private static func filesizeformat(
      _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Value {
      var reader = arguments.reader("do_filesizeformat")
      let isBinary = try reader.bool("binary", default: false)
      try reader.finish()
      guard let bytes = value.number ?? value.text.flatMap(Numerals.float) else {
        throw Failure(
          .type,
          "float() argument must be a string or a real number, not '\(value.typeName)'")
      }
      let base = isBinary ? 1024.0 : 1000.0
      if bytes == 1 { return .string("1 Byte") }
      if bytes < base { return .string("\(try evaluator.truncated(bytes)) Bytes") }
      let format = NumberFormat(precision: 1, type: "f")
      var unit = base * base
      var text = ""
      for prefix in "kMGTPEZY" {
        let name = isBinary ? "\(prefix.uppercased())iB" : "\(prefix)B"
        text = "\(try format.text(base * bytes / unit)) \(name)"
        if bytes < unit { break }
        unit *= base
      }
      return .string(text)
    }
  }

  /// Numbers written as Python's `int()` and `float()` read them.
  enum Numerals {
    /// Digits without the single underscores that may stand between them.
    private static func digits(_ text: String) -> String? {
      let stripped = Text.strip(text, nil)
      guard stripped.utf8.contains(UInt8(ascii: "_")) else { return stripped }
      let parts = stripped.split(separator: "_", omittingEmptySubsequences: false)
      let isJoint = { (part: Substring, end: Character?) in
        end.map { $0.isHexDigit } ?? false
      }
      for (left, right) in zip(parts, parts.dropFirst())
      where !isJoint(left, left.last) || !isJoint(right, right.first) { return nil }
      return parts.joined()
    }

    static func integer(_ text: String, base: Int) -> Int? {
      guard var rest = digits(text)?[...] else { return nil }
      var isNegative = false
      if let sign = rest.first, sign == "-" || sign == "+" {
        isNegative = sign == "-"
        rest.removeFirst()
      }
      var radix = base
      let prefix = rest.prefix(2).lowercased()
      let named = ["0x": 16, "0o": 8, "0b": 2][prefix]
      if let named, base == named || base == 0 {
        rest = rest.dropFirst(2)
        radix = named
      } else if base == 0 {
        radix = 10
      }
      guard (2...36).contains(radix), rest.first != "-", rest.first != "+",
        let magnitude = UInt(rest, radix: radix)
      else { return nil }
      return isNegative
        ? Int(exactly: magnitude).map { -$0 } ?? (magnitude == 1 << 63 ? .min : nil)
        : Int(exactly: magnitude)
    }

    static func float(_ text: String) -> Double? {
      guard let digits = digits(text)?.lowercased() else { return nil }
      switch digits {
      case "nan", "+nan", "-nan": return .nan
      case "inf", "+inf", "infinity", "+infinity": return .infinity
      case "-inf", "-infinity": return -.infinity
      default:
        guard digits.utf8.allSatisfy({ "0123456789+-.e".utf8.contains($0) }) else { return nil }
        return Double(digits)
      }
    }

    /// Half to even, at a decimal place; nothing when the result does not fit.
    static func rounded(_ value: Int, _ precision: Int) -> Int? {
      if precision >= 0 { return value }
      guard precision > -19 else { return 0 }
      let unit = (0 ..< -precision).reduce(1) { product, _ in product * 10 }
      let rest = value % unit
      let (low, magnitude) = (value - rest, rest.magnitude * 2)
      let isOdd = (low / unit) % 2 != 0
      guard magnitude > UInt(unit) || (magnitude == UInt(unit) && isOdd) else { return low }
      let (result, overflow) = low.addingReportingOverflow(value < 0 ? -unit : unit)
      return overflow ? nil : result
    }

    static func rounded(_ value: Double, _ precision: Int) throws -> Double {
      if precision > 323 { return value }
      if precision >= 0 {
        let text = try NumberFormat(precision: precision, type: "f").text(value)
        return Double(text) ?? value
      }
      if precision < -308 { return 0 * value }
      // The digits before the place, with the exact decimal expansion deciding ties.
      let digits = try NumberFormat(precision: 0, type: "f").text(value.magnitude)
      let kept = digits.count + precision
      guard kept >= 0 else { return 0 * value }
      let format = NumberFormat(precision: Swift.max(kept - 1, 0), type: "e")
      if kept == 0 {
        let unit = Double("1e\(-precision)") ?? 0
        return value.magnitude * 2 > unit ? (value < 0 ? -unit : unit) : 0 * value
      }
      return Double(try format.text(value)) ?? value
    }
  }
}
