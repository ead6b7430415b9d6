extension Jinja {
  enum StringMethods {
    static let names: Set<String> = [
      "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format",
      "format_map", "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit",
      "isidentifier", "islower", "isnumeric", "isprintable", "isspace", "istitle", "isupper",
      "join", "ljust", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace",
      "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines",
      "startswith", "strip", "swapcase", "title", "upper", "zfill",
    ]
  }
}

extension Jinja.Evaluator {
  private typealias Text = Jinja.Text

  private static let methodsWithKeywords: Set<String> = [
    "split", "rsplit", "splitlines", "expandtabs", "format",
  ]

  func callStringMethod(
    _ name: String, of text: String, _ arguments: Jinja.Arguments
  ) throws -> Value {
    try charge(scanning: text.utf8.count)
    guard arguments.keyword.isEmpty || Self.methodsWithKeywords.contains(name) else {
      throw Failure(.type, "str.\(name)() takes no keyword arguments")
    }
    var reader = arguments.reader("str.\(name)")
    switch name {
    case "strip", "lstrip", "rstrip":
      let characters = try reader.optionalText("chars")
      try reader.finish()
      return .string(
        Text.strip(text, characters, left: name != "rstrip", right: name != "lstrip"))
    case "split", "rsplit": return try split(text, &reader, fromEnd: name == "rsplit")
    case "splitlines":
      let keepsEnds = try reader.bool("keepends", default: false)
      try reader.finish()
      return list(Text.lines(text, keepingEnds: keepsEnds))
    case "startswith", "endswith":
      return .bool(try hasAffix(text, &reader, atEnd: name == "endswith"))
    case "replace":
      let old = try reader.text("old")
      let new = try reader.text("new")
      let count = try reader.integer("count", default: -1)
      try reader.finish()
      return .string(try replacing(text, old, with: new, count: count))
    case "join":
      let iterable = try reader.required("iterable")
      try reader.finish()
      guard Jinja.Tests.isIterable(iterable) else {
        throw Failure(.type, "can only join an iterable")
      }
      return .string(try join(try elements(of: iterable), text))
    case "find", "rfind", "index", "rindex", "count":
      return .int(try search(name, in: text, &reader))
    case "partition", "rpartition":
      return try partition(text, &reader, fromEnd: name == "rpartition")
    case "removeprefix":
      let prefix = try reader.text("prefix")
      try reader.finish()
      guard Text.hasPrefix(text, prefix) else { return .string(text) }
      return .string(Text.bytes(text, prefix.utf8.count..<text.utf8.count))
    case "removesuffix":
      let suffix = try reader.text("suffix")
      try reader.finish()
      guard Text.hasSuffix(text, suffix) else { return .string(text) }
      return .string(Text.bytes(text, 0..<text.utf8.count - suffix.utf8.count))
    case "center", "ljust", "rjust":
      let width = try ArgumentReader.integer(try reader.required("width"))
      let fill = try reader.optionalText("fillchar") ?? " "
      try reader.finish()
      guard fill.unicodeScalars.count == 1 else {
        throw Failure(.type, "The fill character must be exactly one character long")
      }
      return .string(try padded(text, width, fill, name))
    case "zfill":
      let width = try ArgumentReader.integer(try reader.required("width"))
      try reader.finish()
      return .string(try zeroFilled(text, width))
    case "expandtabs":
      let size = try reader.integer("tabsize", default: 8)
      try reader.finish()
      return .string(try expandingTabs(text, size))
    case "format": return .string(try format(text, arguments, isMarkup: false))
    case "format_map": return .string(try formatMap(text, arguments, isMarkup: false))
    default:
      try reader.finish()
      return try callPlainStringMethod(name, of: text)
    }
  }

  private typealias ArgumentReader = Jinja.ArgumentReader

  /// The methods without parameters.
  private func callPlainStringMethod(_ name: String, of text: String) throws -> Value {
    let scalars = text.unicodeScalars
    let isFilled = !scalars.isEmpty
    switch name {
    case "upper": return .string(Text.uppercased(text))
    case "lower": return .string(Text.lowercased(text))
    case "casefold":
      return .string(Text.replacing(Text.lowercased(text), "ß", with: "ss", limit: -1))
    case "title": return .string(Text.titlecased(text))
    case "capitalize": return .string(Text.capitalized(text))
    case "swapcase": return .string(Text.swappingCase(text))
    case "isalnum": return .bool(isFilled && scalars.allSatisfy(Text.isAlphanumeric))
    case "isalpha": return .bool(isFilled && scalars.allSatisfy(Text.isAlphabetic))
    case "isascii": return .bool(Text.isASCII(text))
    case "isdecimal": return .bool(isFilled && scalars.allSatisfy(Text.isDecimal))
    case "isdigit": return .bool(isFilled && scalars.allSatisfy(Text.isDigit))
    case "isnumeric": return .bool(isFilled && scalars.allSatisfy(Text.isNumeric))
    case "isprintable": return .bool(scalars.allSatisfy(Text.isPrintable))
    case "isspace": return .bool(isFilled && scalars.allSatisfy(Text.isSpace))
    case "isidentifier":
      return .bool(
        scalars.first.map { $0 == "_" || $0.properties.isXIDStart } == true
          && scalars.allSatisfy { $0.properties.isXIDContinue })
    case "islower": return .bool(Text.isLowercase(text))
    case "isupper": return .bool(Text.isUppercase(text))
    case "istitle": return .bool(Text.isTitlecase(text))
    default: throw Failure(.type, "'str' object has no method '\(name)'")
    }
  }

  func list(_ texts: [String]) -> Value {
    .list(Jinja.Items(leaves: texts.map { .string($0) }))
  }

  func join(_ values: [Value], _ separator: String) throws -> String {
    var result = ""
    for (index, value) in values.enumerated() {
      guard let text = value.text else {
        throw Failure(
          .type, "sequence item \(index): expected str instance, \(value.typeName) found")
      }
      try charge(text: result.utf8.count + text.utf8.count + separator.utf8.count, copying: text)
      if index > 0 { result += separator }
      result += text
    }
    return result
  }

  /// For a text that grows by `part` and stays under the limit.
  func charge(text bytes: Int, copying part: String) throws {
    guard bytes <= Jinja.Limits.textBytes else { return try charge(text: bytes) }
    try charge(bytes: part.utf8.count)
  }

  func replacing(_ text: String, _ old: String, with new: String, count: Int) throws -> String {
    // An upper bound of the result before it is made.
    if new.utf8.count > old.utf8.count {
      let places =
        old.isEmpty
        ? Text.count(text) + 1 : Text.occurrences(of: old, in: text).count
      let used = count < 0 ? places : min(places, count)
      let (growth, overflows) = used.multipliedReportingOverflow(by: new.utf8.count)
      try charge(text: overflows ? .max : text.utf8.count + growth)
      try charge(used)
    }
    return Text.replacing(text, old, with: new, limit: count)
  }

  // MARK: Splitting

  private func split(
    _ text: String, _ reader: inout ArgumentReader, fromEnd: Bool
  ) throws -> Value {
    let separator = try reader.optionalText("sep")
    let limit = try reader.integer("maxsplit", default: -1)
    try reader.finish()
    guard let separator else {
      let words =
        fromEnd && limit >= 0
        ? Text.wordsFromEnd(text, limit: limit) : Text.words(text, limit: limit)
      try charge(words.count)
      return list(words)
    }
    guard !separator.isEmpty else { throw Failure(.value, "empty separator") }
    let most = limit < 0 ? Int.max : limit
    try charge(bytes: separator.utf8.count)
    let places =
      fromEnd
      ? Text.occurrencesFromEnd(of: separator, in: text, limit: most).reversed()
      : Text.occurrences(of: separator, in: text, limit: most)
    try charge(places.count)
    var text = text
    let parts = text.withUTF8 { source in
      var parts: [String] = []
      parts.reserveCapacity(places.count + 1)
      var start = 0
      for place in places {
        parts.append(String(decoding: source[start..<place], as: UTF8.self))
        start = place + separator.utf8.count
      }
      parts.append(String(decoding: source[start...], as: UTF8.self))
      return parts
    }
    return list(parts)
  }

  private func partition(
    _ text: String, _ reader: inout ArgumentReader, fromEnd: Bool
  ) throws -> Value {
    let separator = try reader.text("sep")
    try reader.finish()
    guard !separator.isEmpty else { throw Failure(.value, "empty separator") }
    let place =
      fromEnd
      ? Text.occurrencesFromEnd(of: separator, in: text, limit: 1).first
      : Text.occurrences(of: separator, in: text, limit: 1).first
    let parts =
      place.map { place in
        [
          Text.bytes(text, 0..<place), separator,
          Text.bytes(text, place + separator.utf8.count..<text.utf8.count),
        ]
      } ?? (fromEnd ? ["", "", text] : [text, "", ""])
    return .tuple(Jinja.Items(leaves: parts.map { .string($0) }))
  }

  // MARK: Searching

  private func hasAffix(
    _ text: String, _ reader: inout ArgumentReader, atEnd: Bool
  ) throws -> Bool {
    let affix = try reader.required("prefix")
    let part = try window(text, &reader).text
    var candidates = [affix]
    if case .tuple(let items) = affix { candidates = items.values }
    return try candidates.contains { candidate in
      guard let wanted = candidate.text else {
        throw Failure(
          .type,
          "\(atEnd ? "endswith" : "startswith") first arg must be str or a tuple of str, not"
            + " \(candidate.typeName)")
      }
      guard let part else { return false }
      return atEnd ? Text.hasSuffix(part, wanted) : Text.hasPrefix(part, wanted)
    }
  }

  /// The text between the optional `start` and `end`; nothing when they lie the wrong way round.
  private func window(
    _ text: String, _ reader: inout ArgumentReader
  ) throws -> (text: String?, start: Int) {
    let first = try reader.optional("start")
    let last = try reader.optional("end")
    try reader.finish()
    guard first != nil || last != nil else { return (text, 0) }
    let count = Text.count(text)
    let position = { (value: Value?, absent: Int) throws -> Int in
      guard let value else { return absent }
      if case .none = value { return absent }
      let index = try ArgumentReader.integer(value)
      return index < 0 ? max(index + count, 0) : index
    }
    let start = try position(first, 0)
    let end = min(try position(last, count), count)
    guard start <= end else { return (nil, start) }
    return (Text.slice(text, start..<end), start)
  }

  private func search(
    _ name: String, in text: String, _ reader: inout ArgumentReader
  ) throws -> Int {
    let wanted = try reader.text("sub")
    let (part, start) = try window(text, &reader)
    try charge(bytes: wanted.utf8.count)
    if name == "count" {
      guard let part else { return 0 }
      if wanted.isEmpty { return Text.count(part) + 1 }
      return Text.occurrences(of: wanted, in: part).count
    }
    let isLast = name.hasPrefix("r")
    if let part {
      if wanted.isEmpty { return start + (isLast ? Text.count(part) : 0) }
      let place =
        isLast
        ? Text.occurrencesFromEnd(of: wanted, in: part, limit: 1).first
        : Text.occurrences(of: wanted, in: part, limit: 1).first
      if let place { return start + Text.count(Text.bytes(part, 0..<place)) }
    }
    guard name.hasSuffix("find") else { throw Failure(.value, "substring not found") }
    return -1
  }

  // MARK: Padding

  func padded(_ text: String, _ width: Int, _ fill: String, _ side: String) throws -> String {
    let missing = width.subtractingReportingOverflow(Text.count(text)).partialValue
    guard width > 0, missing > 0 else { return text }
    let left =
      switch side {
      case "ljust": 0
      case "rjust": missing
      // Python puts the odd space on the left when the width is odd.
      default: missing / 2 + (missing & width & 1)
      }
    let before = try repeated(fill, left)
    let after = try repeated(fill, missing - left)
    return before + text + after
  }

  private func zeroFilled(_ text: String, _ width: Int) throws -> String {
    let sign = text.unicodeScalars.first.map { $0 == "-" || $0 == "+" } == true
    let digits = sign ? String(text.unicodeScalars.dropFirst()) : text
    let prefix = sign ? String(text.unicodeScalars.prefix(1)) : ""
    return prefix + (try padded(digits, width - prefix.utf8.count, "0", "rjust"))
  }

  private func expandingTabs(_ text: String, _ size: Int) throws -> String {
    var result = ""
    var column = 0
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\t":
        guard size > 0 else { continue }
        let count = size - column % size
        try charge(text: result.utf8.count + count, copying: "")
        result += try repeated(" ", count)
        column += count
      case "\n", "\r":
        column = 0
        result.unicodeScalars.append(scalar)
      default:
        column += 1
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Jinja.Text {
  /// `str.islower`: cased letters, all of them small.
  static func isLowercase(_ text: String) -> Bool {
    text.unicodeScalars.contains(where: isCased)
      && !text.unicodeScalars.contains { isUppercase($0) || isTitlecase($0) }
  }

  static func isUppercase(_ text: String) -> Bool {
    text.unicodeScalars.contains(where: isCased)
      && !text.unicodeScalars.contains { isLowercase($0) || isTitlecase($0) }
  }

  static func isTitlecase(_ text: String) -> Bool {
    var followsCased = false
    var hasCased = false
    for scalar in text.unicodeScalars {
      let isCapital = isUppercase(scalar) || isTitlecase(scalar)
      if isCapital ? followsCased : isLowercase(scalar) && !followsCased { return false }
      followsCased = isCased(scalar)
      hasCased = hasCased || followsCased
    }
    return hasCased
  }
}
