extension Jinja.Evaluator {
  private static let dictMethods: Set<String> = [
    "copy", "fromkeys", "get", "items", "keys", "values",
  ]

  /// Whether the value's type has a method that templates may call.
  func hasMethod(_ value: Value, _ name: String) -> Bool {
    switch value {
    case .string, .markup: Jinja.StringMethods.names.contains(name)
    case .dict: Self.dictMethods.contains(name)
    case .list: name == "copy" || name == "count" || name == "index"
    case .tuple(let items) where items.isGroup && name == "list": false
    case .tuple, .range: name == "count" || name == "index"
    case .int, .bool: name == "bit_length" || name == "bit_count"
    case .float: name == "is_integer"
    case .loop: name == "cycle" || name == "changed"
    case .cycler: name == "next" || name == "reset"
    default: false
    }
  }

  func callMethod(
    _ name: String, of value: Value, _ arguments: Jinja.Arguments
  ) throws -> Value {
    switch value {
    case .string(let text): return try callStringMethod(name, of: text, arguments)
    case .markup(let text): return try callMarkupMethod(name, of: text, arguments)
    case .dict(let dictionary): return try call(name, of: dictionary, arguments)
    case .list(let items), .tuple(let items): return try call(name, of: value, items, arguments)
    case .range(let range):
      return try call(name, of: value, Jinja.Items(leaves: range.values), arguments)
    case .loop(let loop):
      if name == "cycle" { return try loop.cycle(arguments) }
      keep(loop)
      let current = Value.tuple(try Jinja.Items(arguments.positional))
      if let last = loop.lastChanged, try areEqual(last, current) { return .bool(false) }
      loop.lastChanged = current
      return .bool(true)
    case .cycler(let cycler):
      try arguments.none(name)
      if name == "reset" {
        cycler.position = 0
        return .none
      }
      let values = cycler.items.values
      defer { cycler.position = (cycler.position + 1) % values.count }
      return values[cycler.position]
    case .int, .bool:
      try arguments.none(name)
      let magnitude = (value.integer ?? 0).magnitude
      return .int(
        name == "bit_count"
          ? magnitude.nonzeroBitCount : UInt.bitWidth - magnitude.leadingZeroBitCount)
    case .float(let number):
      try arguments.none(name)
      return .bool(number.isFinite && number == number.rounded())
    default: throw Failure(.type, "'\(value.typeName)' object has no method '\(name)'")
    }
  }

  private func call(
    _ name: String, of dictionary: Jinja.Dictionary, _ arguments: Jinja.Arguments
  ) throws -> Value {
    switch name {
    case "get":
      guard arguments.keyword.isEmpty else {
        throw Failure(.type, "dict.get() takes no keyword arguments")
      }
      let given = arguments.positional
      guard (1...2).contains(given.count) else {
        throw Failure(
          .type,
          "get expected at \(given.isEmpty ? "least 1 argument" : "most 2 arguments"), got"
            + " \(given.count)")
      }
      try charge(key: given[0])
      return try dictionary.value(for: given[0]) ?? (given.count > 1 ? given[1] : .none)
    case "items", "keys", "values":
      guard arguments.positional.isEmpty, arguments.keyword.isEmpty else {
        let count = arguments.positional.count
        throw Failure(.type, "dict.\(name)() takes no arguments (\(count) given)")
      }
      let kind: Jinja.DictionaryView.Kind =
        name == "items" ? .items : name == "keys" ? .keys : .values
      return .view(Jinja.DictionaryView(kind, of: dictionary))
    case "copy":
      try arguments.none("copy")
      return .dict(dictionary)
    default:
      var reader = arguments.reader("fromkeys")
      let keys = try elements(of: try reader.required("iterable"))
      let value = try reader.optional("value") ?? .none
      try reader.finish()
      let result = Jinja.Dictionary()
      try charge(keys.count)
      for key in keys {
        try charge(key: key)
        try result.insert(key, value)
      }
      return .dict(result)
    }
  }

  private func call(
    _ name: String, of value: Value, _ items: Jinja.Items, _ arguments: Jinja.Arguments
  ) throws -> Value {
    var reader = arguments.reader(name)
    if name == "copy" {
      try reader.finish()
      return .list(items)
    }
    let wanted = try reader.required("value")
    let start = try reader.integer("start", default: 0)
    let stop = try reader.integer("stop", default: .max)
    try reader.finish()
    try charge(items.values.count)
    if name == "count" {
      return .int(try items.values.reduce(0) { try $0 + (areEqual($1, wanted) ? 1 : 0) })
    }
    let count = items.values.count
    let first = max(start < 0 ? start + count : start, 0)
    let last = min(stop < 0 ? stop + count : stop, count)
    for index in stride(from: first, to: last, by: 1)
    where try areEqual(items.values[index], wanted) {
      return .int(index)
    }
    switch value {
    case .list:
      throw Failure(.value, "\(wanted.representation(limit: 200)) is not in list")
    case .tuple: throw Failure(.value, "tuple.index(x): x not in tuple")
    default: throw Failure(.value, "\(wanted.representation(limit: 200)) is not in range")
    }
  }

  // MARK: Markup

  /// A marked text's methods give marked texts, and escape the texts they insert.
  private func callMarkupMethod(
    _ name: String, of text: String, _ arguments: Jinja.Arguments
  ) throws -> Value {
    var arguments = arguments
    switch name {
    case "format": return .markup(try format(text, arguments, isMarkup: true))
    case "format_map":
      return .markup(try formatMap(text, arguments, isMarkup: true))
    case "join":
      let parts = try arguments.positional.first.map(elements) ?? []
      let escaped = try parts.map { try self.escaped($0) }
      arguments.positional = [.list(try Jinja.Items(escaped))]
    case "replace", "ljust", "rjust", "center":
      if arguments.positional.count > 1 {
        arguments.positional[1] = try escaped(arguments.positional[1])
      }
    default: break
    }
    return try marked(try callStringMethod(name, of: text, arguments))
  }

  /// `escape`: what is marked already stays as it is.
  func escaped(_ value: Value) throws -> Value {
    if case .markup = value { return value }
    let text = try string(value)
    try charge(scanning: text.utf8.count)
    return .markup(Jinja.Text.escapedForHTML(text))
  }

  private func marked(_ value: Value) throws -> Value {
    switch value {
    case .string(let text): .markup(text)
    case .list(let items): .list(try Jinja.Items(items.values.map(marked)))
    case .tuple(let items): .tuple(try Jinja.Items(items.values.map(marked)))
    default: value
    }
  }
}
