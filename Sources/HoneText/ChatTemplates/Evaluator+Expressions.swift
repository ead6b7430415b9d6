extension Jinja.Evaluator {
  func evaluate(_ expression: Jinja.Expression) throws -> Value {
    switch expression {
    case .literal(let literal): return Value(literal)
    case .name(let name): return value(of: name)
    case .captured: return captured
    default: return try deeper { try evaluateComposed(expression) }
    }
  }

  private func evaluateComposed(_ expression: Jinja.Expression) throws -> Value {
    switch expression {
    case .path(let base, let steps): return try follow(steps, from: try evaluate(base))
    case .compare(let first, let rest, let line):
      return .bool(try holds(first, rest, line))
    case .arithmetic(let first, let rest): return try arithmetic(first, rest)
    case .all(let operands): return try firstDeciding(operands, false)
    case .any(let operands): return try firstDeciding(operands, true)
    case .not(let operand): return .bool(try !evaluate(operand).isTrue)
    case .conditional(let test, let then, let otherwise, let line):
      return try conditional(test, then, otherwise, line)
    case .concatenate(let parts, let line): return try concatenated(parts, line)
    case .list(let items): return .list(try evaluated(items))
    case .tuple(let items): return .tuple(try evaluated(items))
    case .dict(let items, let line): return try dictionary(items, line)
    case .unary(let operation, let operand, let line):
      let value = try evaluate(operand)
      self.line = line
      return try apply(operation, value)
    case .literal, .name, .captured: return .none
    }
  }

  private func evaluated(_ items: [Jinja.Expression]) throws -> Jinja.Items {
    try Jinja.Items(items.map { try evaluate($0) })
  }

  /// `and` and `or` give the operand that decides.
  private func firstDeciding(_ operands: [Jinja.Expression], _ wanted: Bool) throws -> Value {
    var value = Value.none
    for operand in operands {
      value = try evaluate(operand)
      if value.isTrue == wanted { return value }
    }
    return value
  }

  private func holds(
    _ first: Jinja.Expression, _ rest: [(Jinja.Comparison, Jinja.Expression)], _ line: Int
  ) throws -> Bool {
    var left = try evaluate(first)
    for (comparison, operand) in rest {
      let right = try evaluate(operand)
      self.line = line
      guard try compare(left, comparison, right) else { return false }
      left = right
    }
    return true
  }

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

  private func dictionary(
    _ items: [(key: Jinja.Expression, value: Jinja.Expression)], _ line: Int
  ) throws -> Value {
    let dictionary = Jinja.Dictionary()
    for item in items {
      let key = try evaluate(item.key)
      let value = try evaluate(item.value)
      self.line = line
      try dictionary.insert(key, value)
    }
    return .dict(dictionary)
  }

  // MARK: Paths

  private func follow(_ steps: [Jinja.Step], from base: Value) throws -> Value {
    var value = base
    var index = 0
    while index < steps.count {
      switch steps[index] {
      case .attribute(let name, let line):
        // A method that is called at once needs no object of its own.
        if index + 1 < steps.count, case .call(let arguments, let callLine) = steps[index + 1],
          hasMethod(value, name)
        {
          let evaluated = try evaluate(arguments)
          self.line = callLine
          value = try callMethod(name, of: value, evaluated)
          index += 1
        } else {
          self.line = line
          value = try attribute(name, of: value)
        }
      case .item(let key, let line):
        let key = try evaluate(key)
        self.line = line
        value = try item(key, of: value)
      case .slice(let start, let stop, let step, let line):
        value = try slice(value, start, stop, step, line)
      case .call(let arguments, let line):
        let evaluated = try evaluate(arguments)
        self.line = line
        value = try call(value, evaluated)
      case .filter(let use): value = try filter(value, use)
      case .test(let use): value = .bool(try test(value, use))
      case .negation: value = .bool(!value.isTrue)
      }
      index += 1
    }
    return value
  }

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

  private func filter(_ value: Value, _ use: Jinja.Application) throws -> Value {
    let arguments = use.arguments.isEmpty ? Jinja.Arguments() : try evaluate(use.arguments)
    line = use.line
    guard let index = use.index else {
      throw Failure(.runtime, "No filter named '\(use.name)' found.")
    }
    return try Jinja.Filters.all[index].body(self, value, arguments)
  }

  private func test(_ value: Value, _ use: Jinja.Application) throws -> Bool {
    let arguments = use.arguments.isEmpty ? Jinja.Arguments() : try evaluate(use.arguments)
    line = use.line
    guard let index = use.index else {
      throw Failure(.runtime, "No test named '\(use.name)' found.")
    }
    return try Jinja.Tests.all[index].body(self, value, arguments)
  }

  func evaluate(_ arguments: Jinja.CallArguments) throws -> Jinja.Arguments {
    var result = Jinja.Arguments()
    result.positional.reserveCapacity(arguments.positional.count)
    for argument in arguments.positional { result.positional.append(try evaluate(argument)) }
    for (name, argument) in arguments.keyword {
      result.keyword.append((name, try evaluate(argument)))
    }
    if let list = arguments.unpackedList {
      result.positional += try elements(of: try evaluate(list))
    }
    if let mapping = arguments.unpackedDict {
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
    return result
  }
}
