extension Jinja.Parser {
  typealias Expression = Jinja.Expression
  typealias Target = Jinja.Target

  // MARK: Assignment

  private static let constants: Set<String> = ["true", "false", "none", "True", "False", "None"]

  mutating func assignable(_ token: Jinja.Token) throws -> Jinja.Name {
    guard !Self.constants.contains(token.text) else {
      throw fault("can't assign to 'const'", at: token)
    }
    return makeName(token)
  }

  /// A name, or several with commas.
  mutating func assignmentTarget(allowsAttributes: Bool) throws -> Target {
    let first = current
    var parts: [Target] = []
    var isTuple = false
    while true {
      if !parts.isEmpty { try expectSymbol(",") }
      if isTupleEnd { break }
      parts.append(try targetPart(allowsAttributes: allowsAttributes))
      guard current.isSymbol(",") else { break }
      isTuple = true
    }
    if isTuple { return .tuple(parts) }
    guard let only = parts.first else {
      throw fault("Expected an expression, got '\(first.description)'", at: first)
    }
    return only
  }

  private mutating func targetPart(allowsAttributes: Bool) throws -> Target {
    let token = current
    if skipSymbol("(") {
      let inner = try nested {
        try $0.assignmentTarget(allowsAttributes: allowsAttributes)
      }
      try expectSymbol(")")
      return inner
    }
    guard token.kind == .name else {
      switch token.kind {
      case .string, .integer, .float: throw fault("can't assign to 'const'", at: token)
      default: throw fault("unexpected '\(token.description)'", at: token)
      }
    }
    advance()
    let name = try assignable(token)
    if allowsAttributes, skipSymbol(".") { return .attribute(name, try expectName().text) }
    return .name(name)
  }

  // MARK: Tuples and operators, loosest first

  private var isTupleEnd: Bool {
    switch current.kind {
    case .variableEnd, .blockEnd: true
    case .symbol: current.text == ")"
    default: false
    }
  }

  /// One expression, or several with commas.
  mutating func tuple(
    allowsConditional: Bool = true, isParenthesized: Bool = false
  ) throws -> Expression {
    var items: [Expression] = []
    var isTuple = false
    while true {
      if !items.isEmpty { try expectSymbol(",") }
      if isTupleEnd { break }
      items.append(allowsConditional ? try expression() : try nested { try $0.or() })
      guard current.isSymbol(",") else { break }
      isTuple = true
    }
    if !isTuple {
      if let only = items.first { return only }
      guard isParenthesized else {
        throw fault("Expected an expression, got '\(current.description)'")
      }
    }
    return .tuple(items)
  }

  mutating func expression() throws -> Expression {
    try nested { try $0.conditional() }
  }

  private mutating func conditional() throws -> Expression {
    var result = try or()
    var links = 0
    while current.isName("if") {
      links += 1
      guard links <= 2 else { throw fault("more than two 'if' in a row") }
      let line = advance().line
      let test = try or()
      let otherwise = skipName("else") ? try expression() : nil
      result = .conditional(test: test, then: result, else: otherwise, line: line)
    }
    return result
  }

  private mutating func or() throws -> Expression {
    var operands = [try and()]
    while skipName("or") { operands.append(try and()) }
    return operands.count == 1 ? operands[0] : .any(operands)
  }

  private mutating func and() throws -> Expression {
    var operands = [try not()]
    while skipName("and") { operands.append(try not()) }
    return operands.count == 1 ? operands[0] : .all(operands)
  }

  private mutating func not() throws -> Expression {
    if skipName("not") { return .not(try nested { try $0.not() }) }
    return try comparison()
  }

  private mutating func comparison() throws -> Expression {
    let left = try sum()
    let line = current.line
    var operands: [(Jinja.Comparison, Expression)] = []
    while true {
      if current.kind == .symbol, let comparison = Jinja.Comparison(rawValue: current.text) {
        advance()
        operands.append((comparison, try sum()))
      } else if skipName("in") {
        operands.append((.within, try sum()))
      } else if current.isName("not"), following.isName("in") {
        advance()
        advance()
        operands.append((.notWithin, try sum()))
      } else {
        return operands.isEmpty ? left : .compare(left, operands, line: line)
      }
    }
  }

  private mutating func sum() throws -> Expression {
    try chain(of: ["+", "-"]) { try $0.concatenation() }
  }

  private mutating func chain(
    of signs: [String], operand: (inout Self) throws -> Expression
  ) throws -> Expression {
    let first = try operand(&self)
    var rest: [(operation: Jinja.BinaryOperator, operand: Expression, line: Int)] = []
    while current.kind == .symbol, signs.contains(current.text),
      let operation = Jinja.BinaryOperator(rawValue: current.text)
    {
      let line = advance().line
      rest.append((operation, try operand(&self), line))
    }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func concatenation() throws -> Expression {
    let first = try product()
    guard current.isSymbol("~") else { return first }
    let line = current.line
    var parts = [first]
    while skipSymbol("~") { parts.append(try product()) }
    return .concatenate(parts, line: line)
  }

  private mutating func product() throws -> Expression {
    try chain(of: ["*", "/", "//", "%"]) { try $0.power() }
  }

  private mutating func power() throws -> Expression {
    try chain(of: ["**"]) { try $0.unary() }
  }

  private mutating func unary(allowsFilter: Bool = true) throws -> Expression {
    let token = current
    let node: Expression
    if token.isSymbol("-") || token.isSymbol("+") {
      advance()
      let operand = try nested { try $0.unary(allowsFilter: false) }
      node = .unary(token.text == "-" ? .negative : .positive, operand, line: token.line)
    } else {
      node = try primary()
    }
    var steps = try postfixSteps()
    if allowsFilter { steps += try filterSteps() }
    return steps.isEmpty ? node : .path(node, steps)
  }

  // MARK: Primaries

  private mutating func primary() throws -> Expression {
    let token = current
    switch token.kind {
    case .name:
      advance()
      switch token.text {
      case "true", "True": return .literal(.bool(true))
      case "false", "False": return .literal(.bool(false))
      case "none", "None": return .literal(.none)
      default: return .name(makeName(token))
      }
    case .string:
      var text = advance().text
      while current.kind == .string { text += advance().text }
      return .literal(.string(text))
    case .integer(let value):
      advance()
      return .literal(.int(value))
    case .float(let value):
      advance()
      return .literal(.float(value))
    case .symbol where token.text == "(":
      advance()
      let inner = try tuple(isParenthesized: true)
      try expectSymbol(")")
      return inner
    case .symbol where token.text == "[": return try list()
    case .symbol where token.text == "{": return try dict()
    default: throw fault("unexpected '\(token.description)'", at: token)
    }
  }

  private mutating func list() throws -> Expression {
    try expectSymbol("[")
    var items: [Expression] = []
    while !current.isSymbol("]") {
      if !items.isEmpty { try expectSymbol(",") }
      if current.isSymbol("]") { break }
      items.append(try expression())
    }
    try expectSymbol("]")
    return .list(items)
  }

  private mutating func dict() throws -> Expression {
    let line = try expectSymbol("{").line
    var items: [(key: Expression, value: Expression)] = []
    while !current.isSymbol("}") {
      if !items.isEmpty { try expectSymbol(",") }
      if current.isSymbol("}") { break }
      let key = try expression()
      try expectSymbol(":")
      items.append((key, try expression()))
    }
    try expectSymbol("}")
    return .dict(items, line: line)
  }

  // MARK: What follows a primary

  private mutating func postfixSteps() throws -> [Jinja.Step] {
    var steps: [Jinja.Step] = []
    while current.kind == .symbol {
      switch current.text {
      case ".": steps.append(try attribute())
      case "[": steps.append(try subscription())
      case "(": steps.append(try call())
      default: return steps
      }
    }
    return steps
  }

  private mutating func attribute() throws -> Jinja.Step {
    let line = advance().line
    let token = advance()
    switch token.kind {
    case .name: return .attribute(token.text, line: line)
    case .integer(let value): return .item(.literal(.int(value)), line: line)
    default: throw fault("expected name or number", at: token)
    }
  }

  private mutating func subscription() throws -> Jinja.Step {
    let line = advance().line
    var items: [Expression] = []
    while !current.isSymbol("]") {
      if !items.isEmpty { try expectSymbol(",") }
      let start = current.isSymbol(":") ? nil : try expression()
      if !current.isSymbol(":"), let start {
        items.append(start)
        continue
      }
      let colon = advance()
      let stop = try sliceBound()
      let step = skipSymbol(":") ? try sliceBound() : nil
      guard items.isEmpty, current.isSymbol("]") else {
        throw fault("a slice inside a tuple of indices", at: colon)
      }
      advance()
      return .slice(start: start, stop: stop, step: step, line: line)
    }
    try expectSymbol("]")
    return .item(items.count == 1 ? items[0] : .tuple(items), line: line)
  }

  private mutating func sliceBound() throws -> Expression? {
    if current.isSymbol(":") || current.isSymbol("]") || current.isSymbol(",") { return nil }
    return try expression()
  }

  private mutating func call() throws -> Jinja.Step {
    let line = current.line
    return .call(try callArguments(), line: line)
  }

  private mutating func callArguments() throws -> Jinja.CallArguments {
    let start = try expectSymbol("(")
    var arguments = Jinja.CallArguments()
    var needsComma = false
    while !current.isSymbol(")") {
      if needsComma {
        try expectSymbol(",")
        if current.isSymbol(")") { break }
      }
      needsComma = true
      let isOrdered: Bool
      if skipSymbol("*") {
        isOrdered = arguments.unpackedList == nil && arguments.unpackedDict == nil
        arguments.unpackedList = try expression()
      } else if skipSymbol("**") {
        isOrdered = arguments.unpackedDict == nil
        arguments.unpackedDict = try expression()
      } else if current.kind == .name, following.isSymbol("=") {
        isOrdered = arguments.unpackedDict == nil
        let name = advance().text
        advance()
        if arguments.keyword.contains(where: { $0.name == name }) {
          throw fault("keyword argument repeated: \(name)", at: start)
        }
        arguments.keyword.append((name, try expression()))
      } else {
        isOrdered =
          arguments.unpackedList == nil && arguments.unpackedDict == nil
          && arguments.keyword.isEmpty
        arguments.positional.append(try expression())
      }
      guard isOrdered else {
        throw fault("invalid syntax for function call expression", at: start)
      }
    }
    try expectSymbol(")")
    return arguments
  }

  private mutating func filterSteps() throws -> [Jinja.Step] {
    var steps: [Jinja.Step] = []
    while true {
      if current.isSymbol("|") {
        steps += try filters()
      } else if current.isName("is") {
        steps += try test()
      } else if current.isSymbol("(") {
        steps.append(try call())
      } else {
        return steps
      }
    }
  }

  /// A chain of filters; the first stands without its bar where a filter block begins.
  mutating func filters(startsInline: Bool = false) throws -> [Jinja.Step] {
    var steps: [Jinja.Step] = []
    var startsInline = startsInline
    while startsInline || current.isSymbol("|") {
      if !startsInline { advance() }
      startsInline = false
      let token = try expectName()
      let name = try dottedName(token)
      let arguments = current.isSymbol("(") ? try callArguments() : .none
      steps.append(
        .filter(
          Jinja.Application(
            name: name, index: Jinja.Filters.index[name], arguments: arguments, line: token.line,
            column: token.column)))
    }
    return steps
  }

  private mutating func dottedName(_ first: Jinja.Token) throws -> String {
    var name = first.text
    while skipSymbol(".") { name += "." + (try expectName().text) }
    return name
  }

  private mutating func test() throws -> [Jinja.Step] {
    advance()
    let isNegated = skipName("not")
    let token = try expectName()
    let name = try dottedName(token)
    var arguments = Jinja.CallArguments.none
    if current.isSymbol("(") {
      arguments = try callArguments()
    } else if beginsTestArgument {
      if current.isName("is") { throw fault("You cannot chain multiple tests with is") }
      let argument = try nested { try $0.primary() }
      let steps = try postfixSteps()
      arguments.positional = [steps.isEmpty ? argument : .path(argument, steps)]
    }
    let test = Jinja.Step.test(
      Jinja.Application(
        name: name, index: Jinja.Tests.index[name], arguments: arguments, line: token.line,
        column: token.column))
    return isNegated ? [test, .negation] : [test]
  }

  private var beginsTestArgument: Bool {
    switch current.kind {
    case .name: !["else", "or", "and"].contains(current.text)
    case .string, .integer, .float: true
    case .symbol: current.text == "[" || current.text == "{"
    default: false
    }
  }
}
