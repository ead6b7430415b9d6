extension Jinja.CallArguments {
  var parts: [Jinja.Expression] {
    positional + keyword.map(\.value) + [unpackedList, unpackedDict].compactMap { $0 }
  }
}

extension Jinja.Expression {
  /// The expressions directly inside this one.
  var parts: [Jinja.Expression] {
    switch self {
    case .literal, .name, .captured: []
    case .list(let items), .tuple(let items), .all(let items), .any(let items),
      .concatenate(let items, _):
      items
    case .dict(let items, _): items.flatMap { [$0.key, $0.value] }
    case .unary(_, let operand, _), .not(let operand): [operand]
    case .arithmetic(let first, let rest): [first] + rest.map(\.operand)
    case .compare(let first, let rest, _): [first] + rest.map(\.1)
    case .conditional(let test, let then, let otherwise, _):
      [test, then] + (otherwise.map { [$0] } ?? [])
    case .path(let base, let steps): [base] + steps.flatMap(\.parts)
    }
  }
}

extension Jinja.Step {
  var parts: [Jinja.Expression] {
    switch self {
    case .attribute, .negation: []
    case .item(let index, _): [index]
    case .slice(let start, let stop, let step, _): [start, stop, step].compactMap { $0 }
    case .call(let arguments, _): arguments.parts
    case .filter(let use), .test(let use): use.arguments.parts
    }
  }
}

extension Jinja {
  /// Whether a body reads certain names before it binds them, inner scopes included.
  struct Mentions {
    private var wanted: Set<String>
    private var found: Set<String> = []

    static func of(_ names: Set<String>, in body: [Statement]) -> Set<String> {
      var mentions = Mentions(wanted: names)
      mentions.walk(body)
      return mentions.found
    }

    private init(wanted: Set<String>) { self.wanted = wanted }

    private mutating func binds(_ name: String) { wanted.remove(name) }

    private mutating func walk(_ body: [Statement]) {
      for statement in body where !wanted.isEmpty { walk(statement) }
    }

    private mutating func walk(_ statement: Statement) {
      switch statement {
      case .text, .break, .continue, .block: break
      case .print(let expression, _): walk(expression)
      case .set(let target, let value, _):
        walk(target)
        walk(value)
      case .setBlock(let target, let filter, let body, _, _):
        walk(target)
        if let filter { walk(filter) }
        walk(body)
      case .filterBlock(let filter, let body, _, _):
        walk(body)
        walk(filter)
      case .if(let branches, let otherwise):
        for branch in branches {
          walk(branch.test)
          walk(branch.body)
        }
        walk(otherwise)
      case .for(let loop):
        walk(loop.target)
        walk(loop.iterable)
        walk(loop.body)
        walk(loop.alternative ?? [])
        if let test = loop.test { walk(test.condition) }
      case .macro(let name, let definition):
        binds(name.text)
        walk(definition)
      case .call(let callee, let arguments, let definition, _):
        walk(callee)
        for part in arguments.parts { walk(part) }
        walk(definition)
      case .generation(let definition): walk(definition)
      case .with(let assignments, let body, _, _):
        for assignment in assignments { walk(assignment.target) }
        for assignment in assignments { walk(assignment.value) }
        walk(body)
      }
    }

    private mutating func walk(_ definition: MacroDefinition) {
      for parameter in definition.parameters { binds(parameter.text) }
      for value in definition.defaults { walk(value) }
      walk(definition.body)
    }

    private mutating func walk(_ target: Target) {
      switch target {
      case .name(let name): binds(name.text)
      case .attribute: break
      case .tuple(let parts): for part in parts { walk(part) }
      }
    }

    private mutating func walk(_ expression: Expression) {
      if case .name(let name) = expression, wanted.contains(name.text) { found.insert(name.text) }
      for part in expression.parts { walk(part) }
    }

    // MARK: Storing to `loop`

    /// The line where something inside the loop binds the name.
    static func lineStoring(_ name: String, in loop: ForLoop) -> Int? {
      line(storing: name, in: loop.target) ?? line(storing: name, in: loop.body)
        ?? line(storing: name, in: loop.alternative ?? [])
    }

    private static func line(storing name: String, in target: Target) -> Int? {
      switch target {
      case .name(let found): found.text == name ? found.line : nil
      case .attribute: nil
      case .tuple(let parts): parts.lazy.compactMap { line(storing: name, in: $0) }.first
      }
    }

    private static func line(storing name: String, in body: [Statement]) -> Int? {
      body.lazy.compactMap { statement -> Int? in
        switch statement {
        case .set(let target, _, _): line(storing: name, in: target)
        case .setBlock(let target, _, let body, _, _):
          line(storing: name, in: target) ?? line(storing: name, in: body)
        case .filterBlock(_, let body, _, _), .with(_, let body, _, _), .block(_, let body, _, _):
          line(storing: name, in: body)
        case .if(let branches, let otherwise):
          branches.lazy.compactMap { line(storing: name, in: $0.body) }.first
            ?? line(storing: name, in: otherwise)
        case .for(let inner): lineStoring(name, in: inner)
        case .macro(_, let definition), .call(_, _, let definition, _), .generation(let definition):
          line(storing: name, in: definition.body)
        case .text, .print, .break, .continue: nil
        }
      }.first
    }
  }
}
