extension Jinja.Evaluator {
  /// How a body ended.
  enum Flow { case next, `break`, `continue` }

  func execute(_ body: [Jinja.Statement]) throws -> Flow {
    for statement in body {
      let flow = try execute(statement)
      if flow != .next { return flow }
    }
    return .next
  }

  private func execute(_ statement: Jinja.Statement) throws -> Flow {
    switch statement {
    case .text(let text): try write(text)
    case .print(let expression, let line): try print(expression, line)
    case .set(let target, let expression, let line): try set(target, expression, line)
    case .if(let branches, let otherwise): return try choose(branches, otherwise)
    case .break: return .break
    case .continue: return .continue
    default:
      try descend()
      defer { ascend() }
      return try executeRarer(statement)
    }
    return .next
  }

  @inline(never)
  private func print(_ expression: Jinja.Expression, _ line: Int) throws {
    self.line = line
    let value = try evaluate(expression)
    try write(try string(value))
  }

  @inline(never)
  private func set(
    _ target: Jinja.Target, _ expression: Jinja.Expression, _ line: Int
  ) throws {
    self.line = line
    try checkAssignable(target)
    let value = try evaluate(expression)
    self.line = line
    try assign(value, to: target)
  }

  @inline(never)
  private func choose(
    _ branches: [(test: Jinja.Expression, body: [Jinja.Statement])],
    _ otherwise: [Jinja.Statement]
  ) throws -> Flow {
    try descend()
    defer { ascend() }
    for branch in branches where try evaluate(branch.test).isTrue {
      return try execute(branch.body)
    }
    return try execute(otherwise)
  }

  @inline(never)
  private func executeRarer(_ statement: Jinja.Statement) throws -> Flow {
    switch statement {
    case .for(let loop): try execute(loop)
    case .setBlock(let target, let filter, let body, let scope, let line):
      return try setBlock(target, filter, body, program.scopes[scope], line)
    case .filterBlock(let filter, let body, let scope, let line):
      return try filterBlock(filter, body, program.scopes[scope], line)
    case .macro(let name, let definition):
      store(.macro(Jinja.Macro(definition, frame: frame)), in: name)
    case .call(let callee, let arguments, let definition, let line):
      try callBlock(callee, arguments, definition, line)
    case .generation(let definition): try generation(definition)
    case .with(let assignments, let body, let scope, _):
      return try with(assignments, body, program.scopes[scope])
    case .block(_, let body, let scope, _): try block(body, program.scopes[scope])
    case .text, .print, .set, .if, .break, .continue: break
    }
    return .next
  }

  @inline(never)
  private func setBlock(
    _ target: Jinja.Target, _ filter: Jinja.Expression?, _ body: [Jinja.Statement],
    _ layout: Jinja.ScopeLayout, _ line: Int
  ) throws -> Flow {
    try checkAssignable(target)
    let (text, flow) = try collected(body, filter, layout)
    self.line = line
    if flow == .next { try assign(text, to: target) }
    return flow
  }

  @inline(never)
  private func filterBlock(
    _ filter: Jinja.Expression, _ body: [Jinja.Statement], _ layout: Jinja.ScopeLayout, _ line: Int
  ) throws -> Flow {
    let (text, flow) = try collected(body, filter, layout)
    self.line = line
    if flow == .next { try write(try string(text)) }
    return flow
  }

  @inline(never)
  private func callBlock(
    _ callee: Jinja.Expression, _ arguments: Jinja.CallArguments,
    _ definition: Jinja.MacroDefinition, _ line: Int
  ) throws {
    self.line = line
    let caller = Jinja.Macro(definition, frame: frame)
    let value = try evaluate(callee)
    var evaluated = try evaluate(arguments)
    evaluated.keyword.append(("caller", .macro(caller)))
    self.line = line
    try write(try string(try call(value, evaluated)))
  }

  @inline(never)
  private func generation(_ definition: Jinja.MacroDefinition) throws {
    let text = try string(call(Jinja.Macro(definition, frame: frame), Jinja.Arguments()))
    noteAssistantText(text)
    try write(text)
  }

  @inline(never)
  private func with(
    _ assignments: [(target: Jinja.Target, value: Jinja.Expression)], _ body: [Jinja.Statement],
    _ layout: Jinja.ScopeLayout
  ) throws -> Flow {
    enter(layout)
    defer { leave(layout) }
    for assignment in assignments {
      try assign(try evaluate(assignment.value), to: assignment.target)
    }
    return try execute(body)
  }

  @inline(never)
  private func block(_ body: [Jinja.Statement], _ layout: Jinja.ScopeLayout) throws {
    try within(makeFrame(layout, parent: nil)) {
      enter(layout)
      _ = try execute(body)
    }
  }

  /// The text that a body writes, with the block's filters applied.
  @inline(never)
  private func collected(
    _ body: [Jinja.Statement], _ filter: Jinja.Expression?, _ layout: Jinja.ScopeLayout
  ) throws -> (Value, Flow) {
    enter(layout)
    defer { leave(layout) }
    let (text, flow) = try collecting { try execute(body) }
    guard flow == .next, let filter else { return (.string(text), flow) }
    captured = .string(text)
    return (try evaluate(filter), flow)
  }

  // MARK: Loops

  @inline(never)
  private func execute(_ loop: Jinja.ForLoop) throws {
    line = loop.line
    let source = try evaluate(loop.iterable)
    line = loop.line
    if loop.isRecursive {
      try write(try recurse(loop, over: source, depth0: 0, in: frame))
    } else {
      try run(loop, over: source, depth0: 0, definedIn: frame)
    }
  }

  /// One level of a recursive loop, as text.
  func recurse(
    _ loop: Jinja.ForLoop, over source: Value, depth0: Int, in definition: Jinja.Frame
  ) throws -> String {
    let own = makeFrame(program.scopes[loop.bodyScope], parent: definition)
    return try within(own) {
      try collecting {
        try descend()
        defer { ascend() }
        try run(loop, over: source, depth0: depth0, definedIn: definition)
      }.text
    }
  }

  @inline(never)
  private func run(
    _ loop: Jinja.ForLoop, over source: Value, depth0: Int, definedIn definition: Jinja.Frame
  ) throws {
    let layout = program.scopes[loop.bodyScope]
    var cursor = try cursor(over: source)
    if let test = loop.test {
      let generator = try filtered(cursor, source, test, definedIn: definition)
      cursor = Jinja.Cursor(generator)
    }
    var context: Jinja.LoopContext?
    let slot = layout.special["loop"]
    if slot != nil {
      context = try Jinja.LoopContext(
        cursor, over: source, depth0: depth0,
        recursion: loop.isRecursive ? (loop, definition) : nil)
    }
    // As in Jinja, a body left by `break` or `continue` does not count as a turn for `else`.
    var hasTurned = false
    while let element = try context.map({ try $0.next() }) ?? cursor.next() {
      try charge(1)
      try assign(element, to: loop.target)
      if let context, let slot { frame.slots[slot] = .loop(context) }
      enter(layout)
      let flow = try execute(loop.body)
      if flow == .break { break }
      if flow == .next { hasTurned = true }
    }
    leave(layout)
    if let alternative = loop.alternative, !hasTurned {
      let layout = program.scopes[loop.alternativeScope]
      enter(layout)
      _ = try execute(alternative)
      leave(layout)
    }
  }

  /// The elements for which a loop's `if` holds, tested one by one as the loop takes them.
  @inline(never)
  private func filtered(
    _ cursor: Jinja.Cursor, _ source: Value,
    _ test: (target: Jinja.Target, condition: Jinja.Expression, scope: Int),
    definedIn definition: Jinja.Frame
  ) throws -> Jinja.Generator {
    var cursor = cursor
    let layout = program.scopes[test.scope]
    let own = makeFrame(layout, parent: definition)
    within(own) { enter(layout) }
    return try Jinja.Generator(over: source) { [unowned self] in
      while let element = try cursor.next() {
        try charge(1)
        let isWanted = try within(own) {
          try assign(element, to: test.target)
          return try evaluate(test.condition).isTrue
        }
        if isWanted { return element }
      }
      return nil
    }
  }
}
