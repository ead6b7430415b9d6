extension Jinja.Evaluator {
  // MARK: value.name

  /// `value.name`: the attribute, else the item of that name.
  func attribute(_ name: String, of value: Value) throws -> Value {
    if case .undefined(let undefined) = value { throw undefined.failure }
    if let found = try ownAttribute(name, of: value) { return found }
    if case .dict(let dictionary) = value, let found = dictionary[name] { return found }
    return .undefined(Jinja.Undefined(.attribute(of: value.objectDescription, name)))
  }

  /// What Python's `getattr` finds, methods included.
  func ownAttribute(_ name: String, of value: Value) throws -> Value? {
    if isUnsafe(name, of: value) {
      return .undefined(Jinja.Undefined(.unsafe(of: value.typeName, name)))
    }
    if hasMethod(value, name) { return .function(try Jinja.Function(method: name, of: value)) }
    switch value {
    case .namespace(let namespace): return namespace.attributes[name]
    case .loop(let loop): return try loop.attribute(name)
    case .tuple(let items) where items.isGroup && name == "grouper": return items.values[0]
    case .tuple(let items) where items.isGroup && name == "list": return items.values[1]
    case .macro(let macro): return try attribute(name, of: macro)
    case .cycler(let cycler):
      switch name {
      case "current": return cycler.items.values[cycler.position]
      case "pos": return .int(cycler.position)
      case "items": return .tuple(cycler.items)
      default: return nil
      }
    case .range(let range):
      switch name {
      case "start": return .int(range.start)
      case "stop": return .int(range.stop)
      case "step": return .int(range.step)
      default: return nil
      }
    default: return nil
    }
  }

  private func attribute(_ name: String, of macro: Jinja.Macro) throws -> Value? {
    let definition = macro.definition
    let special = program.scopes[definition.scope].special
    switch name {
    case "name": return definition.name.map { .string($0) } ?? Value.none
    case "arguments":
      return .tuple(try Jinja.Items(definition.parameters.map { .string($0.text) }))
    case "catch_kwargs": return .bool(special["kwargs"] != nil)
    case "catch_varargs": return .bool(special["varargs"] != nil)
    case "caller": return .bool(special["caller"] != nil)
    default: return nil
    }
  }

  /// What the sandbox keeps back: Python's internals, and whatever changes a list or dictionary.
  private func isUnsafe(_ name: String, of value: Value) -> Bool {
    switch value {
    case .list:
      switch name {
      case "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove": return true
      default: break
      }
    case .dict:
      switch name {
      case "clear", "pop", "popitem", "setdefault", "update": return true
      default: break
      }
    default: break
    }
    guard name.hasPrefix("__") else { return false }
    if case .namespace = value { return false }
    return [
      "__class__", "__init__", "__len__", "__iter__", "__getitem__", "__contains__", "__eq__",
      "__doc__", "__dict__", "__module__", "__str__", "__repr__", "__add__", "__mul__", "__call__",
      "__globals__", "__code__", "__subclasses__", "__mro__", "__base__", "__bases__",
    ].contains(name)
  }

  // MARK: value[key]

  /// `value[key]`: the item, else, for a text, the attribute of that name.
  func item(_ key: Value, of value: Value) throws -> Value {
    if case .undefined(let undefined) = value { throw undefined.failure }
    if let found = try element(key, of: value) { return found }
    if let name = key.text {
      return try ownAttribute(name, of: value)
        ?? .undefined(Jinja.Undefined(.attribute(of: value.objectDescription, name)))
    }
    return .undefined(
      Jinja.Undefined(.element(of: value.objectDescription, key.representation(limit: 200))))
  }

  private func element(_ key: Value, of value: Value) throws -> Value? {
    switch value {
    case .dict(let dictionary):
      do {
        try charge(key: key)
        return try dictionary.value(for: key)
      } catch let failure as Failure where failure.kind == .type {
        return nil
      }
    case .list(let items), .tuple(let items):
      return key.integer.flatMap { position($0, in: items.values.count) }.map { items.values[$0] }
    case .range(let range):
      return key.integer.flatMap { position($0, in: range.count) }.map { .int(range[$0]) }
    case .string(let text):
      return try key.integer.flatMap { try character($0, of: text) }.map { .string($0) }
    case .markup(let text):
      return try key.integer.flatMap { try character($0, of: text) }.map { .markup($0) }
    default: return nil
    }
  }

  private func position(_ index: Int, in count: Int) -> Int? {
    let position = index < 0 ? index + count : index
    return position >= 0 && position < count ? position : nil
  }

  private func character(_ index: Int, of text: String) throws -> String? {
    try charge(bytes: text.utf8.count)
    return position(index, in: Jinja.Text.count(text)).map {
      Jinja.Text.slice(text, $0..<$0 + 1)
    }
  }

  // MARK: value[start:stop:step]

  func slice(
    _ value: Value, from start: Value?, to stop: Value?, by step: Value?
  ) throws -> Value {
    let bounds = (try bound(start), try bound(stop), try bound(step))
    switch value {
    case .list(let items):
      return .list(try Jinja.Items(try sliced(items.values, bounds)))
    case .tuple(let items):
      return .tuple(try Jinja.Items(try sliced(items.values, bounds)))
    case .range(let range):
      let indices = try indices(bounds, count: range.count)
      return .range(
        Jinja.IntegerRange(
          start: range[indices.start], stop: range[indices.stop],
          step: range.step &* indices.step))
    case .string(let text): return .string(try sliced(text, bounds))
    case .markup(let text): return .markup(try sliced(text, bounds))
    case .undefined(let undefined): throw undefined.failure
    case .dict: throw Failure(.type, "unhashable type: 'slice'")
    default: throw Failure(.type, "'\(value.typeName)' object is not subscriptable")
    }
  }

  private typealias Bounds = (start: Int?, stop: Int?, step: Int?)

  private func bound(_ value: Value?) throws -> Int? {
    guard let value else { return nil }
    if case .none = value { return nil }
    if let integer = value.integer { return integer }
    throw Failure(
      .type, "slice indices must be integers or None or have an __index__ method")
  }

  private func sliced(_ values: [Value], _ bounds: Bounds) throws -> [Value] {
    let indices = try indices(bounds, count: values.count)
    try charge(indices.count)
    if indices.step == 1 {
      return Array(values[indices.start..<indices.start + indices.count])
    }
    return (0..<indices.count).map { values[indices[$0]] }
  }

  private func sliced(_ text: String, _ bounds: Bounds) throws -> String {
    try charge(scanning: text.utf8.count)
    let indices = try indices(bounds, count: Jinja.Text.count(text))
    if indices.count == 0 { return "" }
    if indices.step == 1 {
      return Jinja.Text.slice(text, indices.start..<indices.start + indices.count)
    }
    // Taking a text apart and putting it together takes many times as long as reading it.
    try charge(text.utf8.count >> 1)
    let scalars = Array(text.unicodeScalars)
    return Jinja.Text.string((0..<indices.count).map { scalars[indices[$0]] })
  }

  /// Python's rules for bounds that are absent, negative or too large.
  private func indices(_ bounds: Bounds, count: Int) throws -> Jinja.IntegerRange {
    let step = bounds.step ?? 1
    guard step != 0 else { throw Failure(.value, "slice step cannot be zero") }
    let lowest = step < 0 ? -1 : 0
    let highest = step < 0 ? count - 1 : count
    let clamped = { (index: Int) in
      index < 0 ? max(index + count, lowest) : min(index, highest)
    }
    let start = bounds.start.map(clamped) ?? (step < 0 ? highest : lowest)
    let stop = bounds.stop.map(clamped) ?? (step < 0 ? lowest : highest)
    return Jinja.IntegerRange(start: start, stop: stop, step: step)
  }
}
