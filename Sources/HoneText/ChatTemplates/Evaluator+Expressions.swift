extension Jinja.Evaluator {
  // Every step of the recursion is a function of its own, never inlined: one frame that held the
  // temporaries of them all would be paid at each level, and stacks are small.

  func evaluate(_ expression: Jinja.Expression) throws -> Value {
    switch expression {
    case .literal(let literal): return Value(literal)
    case .name(let name): return value(of: name)
    case .captured: return captured
    default:
      try descend()
      defer { ascend() }
      return try evaluateComposed(expression)
    }
  }

  private func evaluateComposed(_ expression: Jinja.Expression) throws -> Value {
    switch expression {
    case .path(let base, let steps): try follow(steps, from: base)
    case .compare(let first, let rest, let line): try comparison(first, rest, line)
    case .arithmetic(let first, let rest): try arithmetic(first, rest)
    case .all(let operands): try firstDeciding(operands, false)
    case .any(let operands): try firstDeciding(operands, true)
    case .not(let operand): try negation(operand)
    case .conditional(let test, let then, let otherwise, let line):
      try conditional(test, then, otherwise, line)
    case .concatenate(let parts, let line): try concatenated(parts, line)
    case .list(let items): .list(try Jinja.Items(try evaluated(items)))
    case .tuple(let items): .tuple(try Jinja.Items(try evaluated(items)))
    case .dict(let items, let line): try dictionary(items, line)
    case .unary(let operation, let operand, let line): try unary(operation, operand, line)
    case .literal, .name, .captured: .none
    }
  }

  @inline(never)
  private func negation(_ operand: Jinja.Expression) throws -> Value {
    .bool(try !evaluate(operand).isTrue)
  }

  @inline(never)
  private func unary(
    _ operation: Jinja.UnaryOperator, _ operand: Jinja.Expression, _ line: Int
  ) throws -> Value {
    let value = try evaluate(operand)
    self.line = line
    return try apply(operation, value)
  }

  @inline(never)
  private func evaluated(_ items: [Jinja.Expression]) throws -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(items.count)
    for item in items { values.append(try evaluate(item)) }
    return values
  }

  /// `and` and `or` give the operand that decides.
  @inline(never)
  private func firstDeciding(_ operands: [Jinja.Expression], _ wanted: Bool) throws -> Value {
    var value = Value.none
    for operand in operands {
      value = try evaluate(operand)
      if value.isTrue == wanted { return value }
    }
    return value
  }

  @inline(never)
  private func comparison(
    _ first: Jinja.Expression, _ rest: [(Jinja.Comparison, Jinja.Expression)], _ line: Int
  ) throws -> Value {
    var left = try evaluate(first)
    for (comparison, operand) in rest {
      let right = try evaluate(operand)
      self.line = line
      guard try compare(left, comparison, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  @inline(never)
  private func arithmetic(
    _ first: Jinja.Expression,
    _ rest: [(operation: Jinja.BinaryOperator, operand: Jinja.Expression, line: Int)]
  ) throws -> Value {
    var value = try evaluate(first)
    for link in rest {
      let operand = try evaluate(link.operand)
      line = link.line
      value = try apply(link.operation, value, operand)
    }
    return value
  }

  @inline(never)
  private func conditional(
    _ test: Jinja.Expression, _ then: Jinja.Expression, _ otherwise: Jinja.Expression?, _ line: Int
  ) throws -> Value {
    if try evaluate(test).isTrue { return try evaluate(then) }
    if let otherwise { return try evaluate(otherwise) }
    return .undefined(
      Jinja.Undefined(
        .hint(
          "the inline if-expression on line \(line) evaluated to false and no else section was"
            + " defined.")))
  }

  @inline(never)
  private func concatenated(_ parts: [Jinja.Expression], _ line: Int) throws -> Value {
    var text = ""
    for part in parts {
      let piece = try string(try evaluate(part))
      self.line = line
      try charge(text: text.utf8.count + piece.utf8.count)
      text += piece
    }
    return .string(text)
  }

  @inline(never)
  private func dictionary(
    _ items: [(key: Jinja.Expression, value: Jinja.Expression)], _ line: Int
  ) throws -> Value {
    let dictionary = Jinja.Dictionary()
    for item in items {
      let key = try evaluate(item.key)
      let value = try evaluate(item.value)
      self.line = line
      try charge(key: key)
      try dictionary.insert(key, value)
    }
    return .dict(dictionary)
  }

  // MARK: Paths

  @inline(never)
  private func follow(_ steps: [Jinja.Step], from base: Jinja.Expression) throws -> Value {
    var value = try evaluate(base)
    var index = 0
    while index < steps.count {
      // A method that is called at once needs no object of its own.
      if index + 1 < steps.count, case .attribute(let name, _) = steps[index],
        case .call = steps[index + 1], hasMethod(value, name)
      {
        value = try callMethod(name, of: value, steps[index + 1])
        index += 2
      } else {
        value = try take(steps[index], from: value)
        index += 1
      }
    }
    return value
  }

  @inline(never)
  private func callMethod(
    _ name: String, of value: Value, _ step: Jinja.Step
  ) throws -> Value {
    guard case .call(let arguments, let line) = step else { return value }
    let evaluated = try evaluate(arguments)
    self.line = line
    return try callMethod(name, of: value, evaluated)
  }

  @inline(never)
  private func take(_ step: Jinja.Step, from value: Value) throws -> Value {
    switch step {
    case .attribute(let name, let line):
      self.line = line
      return try attribute(name, of: value)
    case .item(let key, let line): return try item(key, line, of: value)
    case .slice(let start, let stop, let step, let line):
      return try slice(value, start, stop, step, line)
    case .call(let arguments, let line): return try call(value, arguments, line)
    case .filter(let use): return try filter(value, use)
    case .test(let use): return try test(value, use)
    case .negation: return .bool(!value.isTrue)
    }
  }

  @inline(never)
  private func item(_ key: Jinja.Expression, _ line: Int, of value: Value) throws -> Value {
    let key = try evaluate(key)
    self.line = line
    return try item(key, of: value)
  }

  @inline(never)
  private func call(
    _ value: Value, _ arguments: Jinja.CallArguments, _ line: Int
  ) throws -> Value {
    let evaluated = try evaluate(arguments)
    self.line = line
    return try call(value, evaluated)
  }

  @inline(never)
  private func slice(
    _ value: Value, _ start: Jinja.Expression?, _ stop: Jinja.Expression?,
    _ step: Jinja.Expression?, _ line: Int
  ) throws -> Value {
    let start = try start.map { try evaluate($0) }
    let stop = try stop.map { try evaluate($0) }
    let step = try step.map { try evaluate($0) }
    self.line = line
    return try slice(value, from: start, to: stop, by: step)
  }

  @inline(never)
  private func filter(_ value: Value, _ use: Jinja.Application) throws -> Value {
    let arguments = use.arguments.isEmpty ? Jinja.Arguments() : try evaluate(use.arguments)
    line = use.line
    guard let index = use.index else {
      throw Failure(.runtime, "No filter named '\(use.name)' found.")
    }
    return try Jinja.Filters.all[index].body(self, value, arguments)
  }

  @inline(never)
  private func test(_ value: Value, _ use: Jinja.Application) throws -> Value {
    let arguments = use.arguments.isEmpty ? Jinja.Arguments() : try evaluate(use.arguments)
    line = use.line
    guard let index = use.index else {
      throw Failure(.runtime, "No test named '\(use.name)' found.")
    }
    return .bool(try Jinja.Tests.all[index].body(self, value, arguments))
  }

  @inline(never)
  func evaluate(_ arguments: Jinja.CallArguments) throws -> Jinja.Arguments {
    var result = Jinja.Arguments()
    if !arguments.positional.isEmpty {
      result.positional = try evaluated(arguments.positional)
    }
    if !arguments.keyword.isEmpty { try evaluate(arguments.keyword, into: &result) }
    if let list = arguments.unpackedList { try unpack(list, into: &result) }
    if let mapping = arguments.unpackedDict { try unpackNamed(mapping, into: &result) }
    return result
  }

  @inline(never)
  private func evaluate(
    _ keyword: [(name: String, value: Jinja.Expression)], into result: inout Jinja.Arguments
  ) throws {
    for (name, argument) in keyword { result.keyword.append((name, try evaluate(argument))) }
  }

  @inline(never)
  private func unpack(_ list: Jinja.Expression, into result: inout Jinja.Arguments) throws {
    let values = try evaluate(list)
    guard Jinja.Tests.isIterable(values) else {
      throw Failure(.type, "Value after * must be an iterable, not \(values.typeName)")
    }
    result.positional += try elements(of: values)
  }

  @inline(never)
  private func unpackNamed(
    _ mapping: Jinja.Expression, into result: inout Jinja.Arguments
  ) throws {
    guard case .dict(let dictionary) = try evaluate(mapping) else {
      throw Failure(.type, "argument after ** must be a mapping")
    }
    for (key, value) in zip(dictionary.keys, dictionary.values) {
      guard let name = key.text else { throw Failure(.type, "keywords must be strings") }
      guard !result.keyword.contains(where: { $0.name == name }) else {
        throw Failure(.type, "got multiple values for keyword argument '\(name)'")
      }
      result.keyword.append((name, value))
    }
  }
}
