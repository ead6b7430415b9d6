extension Jinja.Evaluator {
  typealias Value = Jinja.Value
  typealias Failure = Jinja.Failure

  /// Python's `==`.
  func areEqual(_ a: Value, _ b: Value) throws -> Bool {
    switch (a, b) {
    case (.int(let a), .int(let b)): return a == b
    case (.string(let a), .string(let b)): return try areEqual(a, b)
    case (.none, .none), (.undefined, .undefined): return true
    case (.bool(let a), .bool(let b)): return a == b
    default: return try areEqualRarely(a, b)
    }
  }

  private func areEqual(_ a: String, _ b: String) throws -> Bool {
    if a.utf8.count == b.utf8.count { try charge(comparing: a.utf8.count) }
    return Jinja.Text.areEqual(a, b)
  }

  private func charge(comparing bytes: Int) throws {
    if bytes > 255 { try charge(bytes: bytes) }
  }

  /// For a key to be found in a dictionary, where a long one is copied and hashed.
  func charge(key: Value) throws {
    switch key {
    case .string(let text), .markup(let text):
      if text.utf8.count > 63 { try charge(scanning: text.utf8.count) }
    case .tuple(let items):
      try charge(items.values.count)
      for item in items.values { try charge(key: item) }
    default: break
    }
  }

  private func areEqualRarely(_ a: Value, _ b: Value) throws -> Bool {
    if let a = a.text, let b = b.text { return try areEqual(a, b) }
    if let a = a.integer, let b = b.integer { return a == b }
    if let a = a.number, let b = b.number { return a == b }
    switch (a, b) {
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      return try a === b || areEqual(a.values, b.values)
    case (.dict(let a), .dict(let b)):
      if a === b { return true }
      guard a.count == b.count else { return false }
      try charge(a.count)
      for (key, value) in zip(a.keys, a.values) {
        try charge(key: key)
        guard let other = try b.value(for: key), try areEqual(value, other) else { return false }
      }
      return true
    case (.range(let a), .range(let b)): return try areEqual(a.values, b.values)
    case (.view(let a), .view(let b)) where a.kind != .values && b.kind != .values:
      let other = try b.elements
      let own = try a.elements
      guard own.count == other.count else { return false }
      return try own.allSatisfy { try contains(other, $0) }
    default: return areSame(a, b)
    }
  }

  private func areEqual(_ a: [Value], _ b: [Value]) throws -> Bool {
    guard a.count == b.count else { return false }
    try charge(a.count)
    return try zip(a, b).allSatisfy { try areEqual($0, $1) }
  }

  func contains(_ values: [Value], _ wanted: Value) throws -> Bool {
    try charge(values.count)
    return try values.contains { try areEqual($0, wanted) }
  }

  /// Python's `is`.
  func areSame(_ a: Value, _ b: Value) -> Bool {
    switch (a, b) {
    case (.none, .none): true
    case (.bool(let a), .bool(let b)): a == b
    case (.int(let a), .int(let b)): a == b
    case (.float(let a), .float(let b)): a == b
    case (.string(let a), .string(let b)): Jinja.Text.areEqual(a, b)
    case (.undefined(let a), .undefined(let b)): a === b
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a === b
    case (.dict(let a), .dict(let b)): a === b
    case (.view(let a), .view(let b)): a === b
    case (.generator(let a), .generator(let b)): a === b
    case (.namespace(let a), .namespace(let b)): a === b
    case (.macro(let a), .macro(let b)): a === b
    case (.function(let a), .function(let b)): a === b
    case (.loop(let a), .loop(let b)): a === b
    case (.cycler(let a), .cycler(let b)): a === b
    case (.joiner(let a), .joiner(let b)): a === b
    default: false
    }
  }

  /// Python's `<`; `sign` is the operator that the error names.
  func isLess(_ a: Value, _ b: Value, sign: String = "<") throws -> Bool {
    if let a = a.integer, let b = b.integer { return a < b }
    if let a = a.number, let b = b.number { return a < b }
    if let a = a.text, let b = b.text {
      try charge(comparing: min(a.utf8.count, b.utf8.count))
      return Jinja.Text.isLess(a, b)
    }
    switch (a, b) {
    case (.list(let x), .list(let y)), (.tuple(let x), .tuple(let y)):
      try charge(min(x.values.count, y.values.count))
      for (left, right) in zip(x.values, y.values) where try !areEqual(left, right) {
        return try isLess(left, right, sign: sign)
      }
      return x.values.count < y.values.count
    default: break
    }
    if case .undefined(let undefined) = a { throw undefined.failure }
    if case .undefined(let undefined) = b { throw undefined.failure }
    throw Failure(
      .type,
      "'\(sign)' not supported between instances of '\(a.typeName)' and '\(b.typeName)'")
  }

  func compare(_ a: Value, _ comparison: Jinja.Comparison, _ b: Value) throws -> Bool {
    switch comparison {
    case .equal: try areEqual(a, b)
    case .notEqual: try !areEqual(a, b)
    case .less: try isLess(a, b)
    case .greater: try isLess(b, a, reporting: a, ">")
    case .lessOrEqual: try isLessOrEqual(a, b, reporting: a, "<=")
    case .greaterOrEqual: try isLessOrEqual(b, a, reporting: a, ">=")
    case .within: try isElement(a, of: b)
    case .notWithin: try !isElement(a, of: b)
    }
  }

  private func isLess(
    _ a: Value, _ b: Value, reporting first: Value, _ sign: String
  ) throws -> Bool {
    do {
      return try isLess(a, b, sign: sign)
    } catch let failure as Failure where failure.kind == .type {
      let second = areSame(first, a) ? b : a
      throw Failure(
        .type,
        "'\(sign)' not supported between instances of '\(first.typeName)' and"
          + " '\(second.typeName)'")
    }
  }

  private func isLessOrEqual(
    _ a: Value, _ b: Value, reporting first: Value, _ sign: String
  ) throws -> Bool {
    if let a = a.number, let b = b.number, a.isNaN || b.isNaN { return false }
    return try isLess(a, b, reporting: first, sign) || areEqual(a, b)
  }

  /// Python's `in`.
  func isElement(_ value: Value, of container: Value) throws -> Bool {
    switch container {
    case .string(let text), .markup(let text):
      guard let part = value.text else {
        throw Failure(
          .type, "'in <string>' requires string as left operand, not \(value.typeName)")
      }
      try charge(scanning: text.utf8.count)
      return Jinja.Text.contains(text, part)
    case .list(let items), .tuple(let items): return try contains(items.values, value)
    case .dict(let dictionary):
      try charge(key: value)
      return try dictionary.value(for: value) != nil
    case .view(let view) where view.kind == .keys:
      try charge(key: value)
      return try view.dictionary.value(for: value) != nil
    case .range(let range):
      guard let number = value.number, let integer = Int(exactly: number) else { return false }
      return try contains(range.values, .int(integer))
    case .view, .undefined, .generator, .loop:
      var cursor = try self.cursor(over: container)
      while let element = try cursor.next() {
        try charge(1)
        if try areEqual(element, value) { return true }
      }
      return false
    default:
      throw Failure(.type, "argument of type '\(container.typeName)' is not iterable")
    }
  }
}
