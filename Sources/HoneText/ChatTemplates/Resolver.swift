extension Jinja {
  /// Gives every name of a template its place, scope by scope.
  struct Resolver {
    private var places: [Place?]
    private var published: Set<Int> = []
    private var scopes: [ScopeLayout]

    /// Where the walk stands: the scope's names, and what Jinja knows of the frame.
    private struct Position {
      var symbols: Symbols
      /// Stores are published to the template's blocks.
      var isTop = false
      /// Inside an `if` an unknown filter is an error only when it is used.
      var isConditional = false

      func inner(_ symbols: Symbols) -> Position { Position(symbols: symbols) }
    }

    static func resolve(_ syntax: Syntax) throws -> Program {
      var resolver = Resolver(
        places: Array(repeating: nil, count: syntax.nameCount),
        scopes: Array(repeating: ScopeLayout(), count: syntax.scopeCount))
      let function = FunctionBuilder(parent: nil)
      let symbols = Symbols(parent: nil, function: function)
      collect(syntax.body, symbols)
      try resolver.visit(syntax.body, Position(symbols: symbols, isTop: true))
      var root = symbols.layout
      root.slotCount = function.slots.count
      root.hasClosures = function.hasClosures
      return Program(
        body: syntax.body, places: resolver.places.map { $0 ?? Place(hops: 0, slot: 0) },
        published: resolver.published, scopes: resolver.scopes, root: root)
    }

    private init(places: [Place?], scopes: [ScopeLayout]) {
      self.places = places
      self.scopes = scopes
    }

    // MARK: Scopes

    private mutating func finish(
      _ scope: Int, _ symbols: Symbols, ownsFunction: Bool, special: [String] = []
    ) {
      var layout = symbols.layout
      if ownsFunction {
        layout.slotCount = symbols.function.slots.count
        layout.hasClosures = symbols.function.hasClosures
      }
      for name in special { layout.special[name] = symbols.place(of: name)?.slot }
      scopes[scope] = layout
    }

    private mutating func visit(_ body: [Statement], _ position: Position) throws {
      for statement in body { try visit(statement, position) }
    }

    private mutating func visit(_ statement: Statement, _ position: Position) throws {
      switch statement {
      case .text, .break, .continue: break
      case .print(let expression, _): try visit(expression, position)
      case .set(let target, let value, _):
        visit(target, position)
        try visit(value, position)
      case .setBlock(let target, let filter, let body, let scope, _):
        visit(target, position)
        try visitBuffered(body, filter, scope, position)
      case .filterBlock(let filter, let body, let scope, _):
        try visitBuffered(body, filter, scope, position)
      case .if(let branches, let otherwise):
        var soft = position
        soft.isConditional = true
        for branch in branches {
          try visit(branch.test, soft)
          try visit(branch.body, soft)
        }
        try visit(otherwise, soft)
      case .for(let loop): try visit(loop, position)
      case .macro(let name, let definition):
        bind(name, position)
        try visit(definition, position)
      case .call(let callee, let arguments, let definition, _):
        try visit(callee, position)
        try visit(arguments, position)
        try visit(definition, position)
      case .generation(let definition): try visit(definition, position)
      case .with(let assignments, let body, let scope, _):
        let symbols = Symbols(parent: position.symbols, function: position.symbols.function)
        for assignment in assignments { collect(assignment.target, symbols, asParameters: true) }
        collect(body, symbols)
        for assignment in assignments {
          visit(assignment.target, position.inner(symbols))
          try visit(assignment.value, position)
        }
        try visit(body, position.inner(symbols))
        finish(scope, symbols, ownsFunction: false)
      case .block(_, let body, let scope, _):
        // A block sees the conversation and what the top of the template has set, nothing between.
        let symbols = Symbols(parent: nil, function: FunctionBuilder(parent: nil))
        collect(body, symbols)
        try visit(body, position.inner(symbols))
        finish(scope, symbols, ownsFunction: true)
      }
    }

    private mutating func visitBuffered(
      _ body: [Statement], _ filter: Expression?, _ scope: Int, _ position: Position
    ) throws {
      let symbols = Symbols(parent: position.symbols, function: position.symbols.function)
      collect(body, symbols)
      if let filter { collect(filter, symbols) }
      try visit(body, position.inner(symbols))
      if let filter { try visit(filter, position.inner(symbols)) }
      finish(scope, symbols, ownsFunction: false)
    }

    private mutating func visit(_ loop: ForLoop, _ position: Position) throws {
      let outer = position.symbols
      let function = loop.isRecursive ? FunctionBuilder(parent: outer.function) : outer.function
      let body = Symbols(parent: outer, function: function)
      let usesLoop = loop.isRecursive || Mentions.of(["loop"], in: loop.body).contains("loop")
      if usesLoop { body.declareParameter("loop") }
      collect(loop.target, body, asParameters: true)
      collect(loop.body, body)
      if let line = Mentions.lineStoring("loop", in: loop) {
        throw SyntaxFault(
          message: "Can't assign to special loop variable in for-loop target", line: line,
          column: 1)
      }
      visit(loop.target, position.inner(body))
      try visit(loop.body, position.inner(body))
      if let test = loop.test {
        let symbols = Symbols(parent: outer, function: FunctionBuilder(parent: outer.function))
        collect(test.target, symbols, asParameters: true)
        collect(test.condition, symbols)
        visit(test.target, position.inner(symbols))
        try visit(test.condition, position.inner(symbols))
        finish(test.scope, symbols, ownsFunction: true)
      }
      try visit(loop.iterable, position)
      if let alternative = loop.alternative {
        let symbols = Symbols(parent: outer, function: function)
        collect(alternative, symbols)
        try visit(alternative, position.inner(symbols))
        finish(loop.alternativeScope, symbols, ownsFunction: false)
      }
      finish(
        loop.bodyScope, body, ownsFunction: loop.isRecursive, special: usesLoop ? ["loop"] : [])
    }

    private mutating func visit(_ definition: MacroDefinition, _ position: Position) throws {
      let function = FunctionBuilder(parent: position.symbols.function)
      let symbols = Symbols(parent: position.symbols, function: function)
      for parameter in definition.parameters { symbols.declareParameter(parameter.text) }
      let named = Set(definition.parameters.map(\.text))
      let special = Mentions.of(["caller", "kwargs", "varargs"], in: definition.body)
        .subtracting(named).sorted()
      for name in special { symbols.declareParameter(name) }
      for value in definition.defaults { collect(value, symbols) }
      collect(definition.body, symbols)
      if let index = definition.parameters.firstIndex(where: { $0.text == "caller" }),
        index < definition.parameters.count - definition.defaults.count,
        Mentions.of(["caller"], in: definition.body).contains("caller")
      {
        throw SyntaxFault(
          message: "When defining macros or call blocks the special \"caller\" argument must be"
            + " omitted or be given a default.", line: definition.line, column: 1)
      }
      let inner = position.inner(symbols)
      for parameter in definition.parameters { bind(parameter, inner) }
      for value in definition.defaults { try visit(value, inner) }
      try visit(definition.body, inner)
      finish(definition.scope, symbols, ownsFunction: true, special: special)
    }

    // MARK: Names

    private mutating func bind(_ name: Name, _ position: Position) {
      places[name.id] = position.symbols.place(of: name.text)
      if position.isTop { published.insert(name.id) }
    }

    private mutating func visit(_ target: Target, _ position: Position) {
      switch target {
      case .name(let name): bind(name, position)
      case .attribute(let name, _): places[name.id] = position.symbols.place(of: name.text)
      case .tuple(let parts): for part in parts { visit(part, position) }
      }
    }

    private mutating func visit(_ expression: Expression, _ position: Position) throws {
      if case .name(let name) = expression {
        places[name.id] = position.symbols.place(of: name.text)
        return
      }
      var inner = position
      if case .conditional = expression { inner.isConditional = true }
      if case .path(_, let steps) = expression, !inner.isConditional {
        for step in steps { try checkExists(step) }
      }
      for part in expression.parts { try visit(part, inner) }
    }

    private mutating func visit(_ arguments: CallArguments, _ position: Position) throws {
      for part in arguments.parts { try visit(part, position) }
    }

    private func checkExists(_ step: Step) throws {
      switch step {
      case .filter(let use) where use.index == nil:
        throw SyntaxFault(
          message: "No filter named '\(use.name)'.", line: use.line, column: use.column)
      case .test(let use) where use.index == nil:
        throw SyntaxFault(
          message: "No test named '\(use.name)'.", line: use.line, column: use.column)
      default: break
      }
    }
  }
}

// MARK: - Collecting the names of one scope

extension Jinja {
  /// Notes what statements of one scope load and store, without entering inner scopes.
  fileprivate static func collect(_ body: [Statement], _ symbols: Symbols) {
    for statement in body { collect(statement, symbols) }
  }

  private static func collect(_ statement: Statement, _ symbols: Symbols) {
    switch statement {
    case .text, .break, .continue, .block, .generation: break
    case .print(let expression, _): collect(expression, symbols)
    case .set(let target, let value, _):
      collect(value, symbols)
      collect(target, symbols, asParameters: false)
    case .setBlock(let target, _, _, _, _): collect(target, symbols, asParameters: false)
    case .filterBlock(let filter, _, _, _): collect(filter, symbols)
    case .if(let branches, let otherwise): collect(branches[...], otherwise, symbols)
    case .for(let loop): collect(loop.iterable, symbols)
    case .macro(let name, _): symbols.store(name.text)
    case .call(let callee, let arguments, _, _):
      collect(callee, symbols)
      for part in arguments.parts { collect(part, symbols) }
    case .with(let assignments, _, _, _):
      for assignment in assignments { collect(assignment.value, symbols) }
    }
  }

  /// An `elif` stands beside the first body: its own test and body are one alternative.
  private static func collect(
    _ branches: ArraySlice<(test: Expression, body: [Statement])>, _ otherwise: [Statement],
    _ symbols: Symbols
  ) {
    guard let first = branches.first else { return }
    collect(first.test, symbols)
    symbols.branches([
      { collect(first.body, $0) },
      { copy in
        for branch in branches.dropFirst() { collect([branch][...], [], copy) }
      },
      { collect(otherwise, $0) },
    ])
  }

  fileprivate static func collect(_ target: Target, _ symbols: Symbols, asParameters: Bool) {
    switch target {
    case .name(let name):
      asParameters ? symbols.declareParameter(name.text) : symbols.store(name.text)
    case .attribute(let name, _): symbols.load(name.text)
    case .tuple(let parts):
      for part in parts { collect(part, symbols, asParameters: asParameters) }
    }
  }

  fileprivate static func collect(_ expression: Expression, _ symbols: Symbols) {
    if case .name(let name) = expression { return symbols.load(name.text) }
    for part in expression.parts { collect(part, symbols) }
  }
}
