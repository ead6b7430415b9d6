extension Jinja.Filters {
  private typealias Text = Jinja.Text
  private typealias ArgumentReader = Jinja.ArgumentReader

  /// A filter that is a method of texts: what is marked stays marked.
  private static func method(
    _ name: String, _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    let subject = value.text != nil ? value : .string(try evaluator.string(value))
    return try evaluator.callMethod(name, of: subject, arguments)
  }

  @Sendable static func upper(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value { try method("upper", evaluator, value, arguments) }

  @Sendable static func lower(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value { try method("lower", evaluator, value, arguments) }

  @Sendable static func capitalize(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value { try method("capitalize", evaluator, value, arguments) }

  @Sendable static func trim(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_trim")
    let characters = try reader.optional("chars")
    try reader.finish()
    let given = Arguments(positional: characters.map { [$0] } ?? [])
    return try method("strip", evaluator, value, given)
  }

  @Sendable static func center(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_center")
    let width = try reader.integer("width", default: 80)
    try reader.finish()
    return try method("center", evaluator, value, Arguments(positional: [.int(width)]))
  }

  @Sendable static func title(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_title")
    let text = try evaluator.string(value)
    try evaluator.charge(scanning: text.utf8.count)
    var result = ""
    var beginsWord = true
    for scalar in text.unicodeScalars {
      let isBreak = Text.isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar)
      if isBreak {
        result.unicodeScalars.append(scalar)
      } else {
        let properties = scalar.properties
        result += beginsWord ? properties.uppercaseMapping : properties.lowercaseMapping
      }
      beginsWord = isBreak
    }
    return .string(result)
  }

  @Sendable static func replace(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_replace")
    let old = try evaluator.string(try reader.required("old"))
    let new = try evaluator.string(try reader.required("new"))
    let count = try reader.optional("count") ?? .none
    try reader.finish()
    let limit: Int = if case .none = count { -1 } else { try ArgumentReader.integer(count) }
    let text = try evaluator.string(value)
    try evaluator.charge(scanning: text.utf8.count)
    return .string(try evaluator.replacing(text, old, with: new, count: limit))
  }

  @Sendable static func join(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_join")
    let separator = try evaluator.string(try reader.optional("d") ?? .emptyString)
    let attribute = try reader.optional("attribute")
    try reader.finish()
    var source = value
    if let attribute {
      if case .none = attribute {
      } else {
        source = try map(
          evaluator, value, Arguments(keyword: [("attribute", attribute)]))
      }
    }
    let texts = try evaluator.elements(of: source).map { Value.string(try evaluator.string($0)) }
    return .string(try evaluator.join(texts, separator))
  }

  @Sendable static func format(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    let text = try evaluator.string(value)
    guard arguments.keyword.isEmpty || arguments.positional.isEmpty else {
      throw Failure(
        .filterArgument, "can't handle positional and keyword arguments at the same time")
    }
    var values = Value.tuple(try Jinja.Items(arguments.positional))
    if !arguments.keyword.isEmpty {
      let mapping = Jinja.Dictionary()
      for (name, value) in arguments.keyword { try mapping.insert(.string(name), value) }
      values = .dict(mapping)
    }
    return try evaluator.formatPercent(text, values, isMarkup: value.isMarkup)
  }

  @Sendable static func indent(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_indent")
    let width = try reader.optional("width") ?? .int(4)
    let indentsFirst = try reader.bool("first", default: false)
    let indentsBlank = try reader.bool("blank", default: false)
    try reader.finish()
    guard let text = value.text else {
      if case .undefined(let undefined) = value { throw undefined.failure }
      throw Failure(
        .type, "unsupported operand type(s) for +=: '\(value.typeName)' and 'str'")
    }
    let step = try width.text ?? evaluator.repeated(" ", ArgumentReader.integer(width))
    try evaluator.charge(scanning: text.utf8.count)
    let lines = Text.lines(text + "\n")
    let (growth, overflows) = step.utf8.count.multipliedReportingOverflow(by: lines.count)
    try evaluator.charge(text: overflows ? .max : text.utf8.count + growth)
    var result = indentsFirst ? step : ""
    for (index, line) in lines.enumerated() {
      if index > 0 {
        result += "\n"
        if indentsBlank || !line.isEmpty { result += step }
      }
      result += line
    }
    return value.isMarkup ? .markup(result) : .string(result)
  }

  @Sendable static func truncate(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_truncate")
    let length = try reader.integer("length", default: 255)
    let cutsWords = try reader.bool("killwords", default: false)
    let end = try reader.optionalText("end") ?? "..."
    var leeway = 5
    switch try reader.optional("leeway") {
    case nil, .some(.none): break
    case let value?: leeway = try ArgumentReader.integer(value)
    }
    try reader.finish()
    let endCount = Text.count(end)
    guard length >= endCount else {
      throw Failure(.assertion, "expected length >= \(endCount), got \(length)")
    }
    guard leeway >= 0 else {
      throw Failure(.assertion, "expected leeway >= 0, got \(leeway)")
    }
    let count = try evaluator.length(of: value)
    guard let text = value.text, count - Swift.min(length, count) > leeway else { return value }
    var kept = Text.slice(text, 0..<length - endCount)
    if !cutsWords, let space = Text.occurrencesFromEnd(of: " ", in: kept, limit: 1).first {
      kept = Text.bytes(kept, 0..<space)
    }
    return .string(kept + end)
  }

  @Sendable static func wordcount(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_wordcount")
    let text = try evaluator.string(value)
    try evaluator.charge(scanning: text.utf8.count)
    var count = 0
    var isInside = false
    for scalar in text.unicodeScalars {
      let isWord = Text.isWord(scalar)
      if isWord, !isInside { count += 1 }
      isInside = isWord
    }
    return .int(count)
  }

  // MARK: HTML and addresses

  @Sendable static func safe(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_mark_safe")
    return .markup(try evaluator.string(value))
  }

  @Sendable static func escape(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("escape")
    return try evaluator.escaped(value)
  }

  @Sendable static func forceescape(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_forceescape")
    return try evaluator.escaped(.string(try evaluator.string(value)))
  }

  @Sendable static func striptags(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_striptags")
    let text = try evaluator.string(value)
    try evaluator.charge(scanning: text.utf8.count)
    var plain = removing(from: text, "<!--", "-->")
    plain = removing(from: plain, "<", ">")
    let words = Text.words(plain).joined(separator: " ")
    return .string(unescaped(words))
  }

  private static func removing(from text: String, _ open: String, _ close: String) -> String {
    let ends = Text.occurrences(of: close, in: text)
    var result = ""
    var position = 0
    var nextEnd = 0
    for start in Text.occurrences(of: open, in: text) where start >= position {
      while nextEnd < ends.count, ends[nextEnd] < start { nextEnd += 1 }
      guard nextEnd < ends.count else { break }
      result += Text.bytes(text, position..<start)
      position = ends[nextEnd] + close.utf8.count
    }
    return result + Text.bytes(text, position..<text.utf8.count)
  }

  private static func unescaped(_ text: String) -> String {
    let named = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}"]
    var result = ""
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      guard scalar == "&", let end = rest.prefix(12).firstIndex(of: ";") else {
        result.unicodeScalars.append(scalar)
        continue
      }
      let name = String(rest[..<end])
      var decoded = named[name]
      if name.hasPrefix("#x") || name.hasPrefix("#X") {
        decoded = UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init).map(String.init)
      } else if name.hasPrefix("#") {
        decoded = UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init).map(String.init)
      }
      guard let decoded else {
        result += "&"
        continue
      }
      result += decoded
      rest = rest[rest.index(after: end)...]
    }
    return result
  }

  @Sendable static func xmlattr(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_xmlattr")
    let addsSpace = try reader.bool("autospace", default: true)
    try reader.finish()
    if case .undefined(let undefined) = value { throw undefined.failure }
    guard case .dict(let dictionary) = value else {
      throw Failure(.attribute, "'\(value.typeName)' object has no attribute 'items'")
    }
    var parts: [String] = []
    for (key, value) in zip(dictionary.keys, dictionary.values) {
      switch value {
      case .none, .undefined: continue
      default: break
      }
      let name = try ArgumentReader.text(key)
      let isRefused = { (scalar: Unicode.Scalar) in
        (scalar.isASCII && Text.isSpace(scalar)) || "/>=".unicodeScalars.contains(scalar)
      }
      if name.unicodeScalars.contains(where: isRefused) {
        throw Failure(
          .value, "Invalid character in attribute name: \(key.representation(limit: 200))")
      }
      let shown = try evaluator.string(try evaluator.escaped(value))
      parts.append("\(Text.escapedForHTML(name))=\"\(shown)\"")
    }
    let joined = try evaluator.join(parts.map { .string($0) }, " ")
    return .string(addsSpace && !joined.isEmpty ? " " + joined : joined)
  }

  @Sendable static func urlencode(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_urlencode")
    let pairs: [Value]
    switch value {
    case .dict(let dictionary): pairs = try dictionary.items
    case .list, .tuple, .view, .generator, .range, .undefined:
      pairs = try evaluator.elements(of: value)
    default: return .string(try quoted(evaluator.string(value), keepsSlash: true, evaluator))
    }
    let parts = try pairs.map { pair in
      let parts = try evaluator.elements(of: pair)
      guard parts.count == 2 else {
        throw Failure(
          .value,
          parts.count < 2
            ? "not enough values to unpack (expected 2, got \(parts.count))"
            : "too many values to unpack (expected 2)")
      }
      let key = try quoted(try evaluator.string(parts[0]), keepsSlash: false, evaluator)
      let shown = try quoted(try evaluator.string(parts[1]), keepsSlash: false, evaluator)
      return key + "=" + shown
    }
    return .string(try evaluator.join(parts.map { .string($0) }, "&"))
  }

  /// Percent-encoding; in a query string a space becomes `+`.
  private static func quoted(
    _ text: String, keepsSlash: Bool, _ evaluator: Evaluator
  ) throws -> String {
    try evaluator.charge(text: text.utf8.count * 3)
    var result: [UInt8] = []
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2E, 0x2D, 0x7E: result.append(byte)
      case 0x2F where keepsSlash: result.append(byte)
      case 0x20 where !keepsSlash: result.append(0x2B)
      default: result += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
