extension Jinja {
  /// Builds the tree of a template's source by recursive descent.
  struct Parser {
    private let tokens: [Token]
    private var position = 0
    private var nameCount = 0
    private var scopeCount = 0
    private var depth = 0
    private let stackStart = Jinja.stackPosition()
    /// The tags that are open, with what would continue or close each.
    private var open: [(tag: String, line: Int, ends: [String])] = []
    private var blockNames: Set<String> = []
    /// Whether `break` and `continue` have a loop to act on, for each function being parsed.
    private var loops: [Int] = [0]

    static func parse(_ source: String) throws -> Syntax {
      var parser = Parser(tokens: try Lexer.tokens(of: source))
      let body = try parser.statements(until: [])
      return Syntax(body: body, nameCount: parser.nameCount, scopeCount: parser.scopeCount)
    }

    private init(tokens: [Token]) { self.tokens = tokens }

    // MARK: Tokens

    var current: Token { tokens[position] }
    var following: Token { tokens[min(position + 1, tokens.count - 1)] }

    @discardableResult
    mutating func advance() -> Token {
      defer { if position + 1 < tokens.count { position += 1 } }
      return tokens[position]
    }

    mutating func skipSymbol(_ symbol: String) -> Bool {
      guard current.isSymbol(symbol) else { return false }
      advance()
      return true
    }

    mutating func skipName(_ name: String) -> Bool {
      guard current.isName(name) else { return false }
      advance()
      return true
    }

    func fault(_ message: String, at token: Token? = nil) -> SyntaxFault {
      let token = token ?? current
      return SyntaxFault(message: message, line: token.line, column: token.column)
    }

    private func unexpected(expected: String) -> SyntaxFault {
      current.kind == .end
        ? fault("unexpected end of template, expected '\(expected)'.")
        : fault("expected token '\(expected)', got '\(current.description)'")
    }

    @discardableResult
    mutating func expectSymbol(_ symbol: String) throws -> Token {
      guard current.isSymbol(symbol) else { throw unexpected(expected: symbol) }
      return advance()
    }

    @discardableResult
    mutating func expectName(_ name: String? = nil) throws -> Token {
      guard current.kind == .name, name == nil || current.text == name else {
        throw unexpected(expected: name ?? "name")
      }
      return advance()
    }

    mutating func expect(_ kind: Token.Kind, _ description: String) throws {
      guard current.kind == kind else { throw unexpected(expected: description) }
      advance()
    }

    mutating func makeName(_ token: Token) -> Name {
      defer { nameCount += 1 }
      return Name(id: nameCount, text: token.text, line: token.line)
    }

    private mutating func makeScope() -> Int {
      defer { scopeCount += 1 }
      return scopeCount
    }

    /// Runs `body` one level deeper; a source nested too deeply is refused before the stack ends.
    mutating func nested<T>(_ body: (inout Parser) throws -> T) throws -> T {
      // What a level takes of the stack depends on how the program was built.
      guard depth < Limits.syntaxDepth,
        abs(stackStart - Jinja.stackPosition()) < Limits.stackBytes
      else {
        throw fault("nested more than \(Limits.syntaxDepth) levels deep")
      }
      depth += 1
      defer { depth -= 1 }
      return try body(&self)
    }

    // MARK: Statements

    /// Parses up to one of the tags in `ends`, whose name is then the current token.
    private mutating func statements(until ends: [String]) throws -> [Statement] {
      var body: [Statement] = []
      while true {
        let token = current
        switch token.kind {
        case .data:
          body.append(.text(token.text))
          advance()
        case .variableBegin:
          advance()
          body.append(.print(try tuple(), line: token.line))
          try expect(.variableEnd, "end of print statement")
        case .blockBegin:
          advance()
          if current.kind == .name, ends.contains(current.text) { return body }
          body += try statement()
          try expect(.blockEnd, "end of statement block")
        default:
          guard ends.isEmpty else { throw unclosed(unknown: nil) }
          return body
        }
      }
    }

    /// The body of a tag that was just read: from its `%}` to one of `ends`.
    private mutating func body(of tag: Token, until ends: [String]) throws -> [Statement] {
      _ = skipSymbol(":")
      try expect(.blockEnd, "end of statement block")
      open.append((tag.text, tag.line, ends))
      defer { open.removeLast() }
      return try nested { try $0.statements(until: ends) }
    }

    private func unclosed(unknown: Token?) -> SyntaxFault {
      var message = unknown.map { "Encountered unknown tag '\($0.text)'." }
      if message == nil { message = "Unexpected end of template." }
      if let innermost = open.last {
        let wanted = innermost.ends.map { "'\($0)'" }.joined(separator: " or ")
        let isMisplaced = open.contains { $0.ends.contains(unknown?.text ?? "") }
        message! +=
          isMisplaced
          ? " You probably made a nesting mistake. Jinja is expecting this tag, but currently"
            + " looking for \(wanted)."
          : " Jinja was looking for the following tags: \(wanted)."
        message! +=
          " The innermost block that needs to be closed is '\(innermost.tag)'. It begins on line"
          + " \(innermost.line)."
      }
      return fault(message!, at: unknown)
    }

    private mutating func statement() throws -> [Statement] {
      let tag = current
      guard tag.kind == .name else { throw fault("tag name expected") }
      advance()
      switch tag.text {
      case "for": return [.for(try forLoop(tag))]
      case "if": return [try ifStatement(tag)]
      case "set": return [try setStatement(tag)]
      case "macro": return [try macro(tag)]
      case "call": return [try callBlock(tag)]
      case "filter": return [try filterBlock(tag)]
      case "with": return [try withBlock(tag)]
      case "block": return [try block(tag)]
      case "print": return try printStatement(tag)
      case "generation":
        let definition = try function(tag, name: nil, parameters: [], defaults: [])
        return [.generation(definition)]
      case "break", "continue":
        guard loops[loops.count - 1] > 0 else { throw fault("'\(tag.text)' outside loop", at: tag) }
        return [tag.text == "break" ? .break(line: tag.line) : .continue(line: tag.line)]
      case "include", "import", "from", "extends", "autoescape":
        throw fault(
          "the tag '\(tag.text)' is not available: a chat template stands alone and writes plain"
            + " text", at: tag)
      default: throw unclosed(unknown: tag)
      }
    }

    /// A body that runs as a function of its own, closed by `end` + the tag's name.
    private mutating func function(
      _ tag: Token, name: String?, parameters: [Name], defaults: [Expression]
    ) throws -> MacroDefinition {
      let scope = makeScope()
      loops.append(0)
      defer { loops.removeLast() }
      let body = try body(of: tag, until: ["end" + tag.text])
      advance()
      return MacroDefinition(
        name: name, parameters: parameters, defaults: defaults, body: body, scope: scope,
        line: tag.line)
    }

    private mutating func forLoop(_ tag: Token) throws -> ForLoop {
      let target = try assignmentTarget(allowsAttributes: false)
      try expectName("in")
      let iterable = try tuple(allowsConditional: false)
      var test: (target: Target, condition: Expression, scope: Int)?
      if skipName("if") { test = (copy(target), try expression(), makeScope()) }
      let isRecursive = skipName("recursive")
      let bodyScope = makeScope()
      let alternativeScope = makeScope()
      loops[loops.count - 1] += 1
      let body = try body(of: tag, until: ["endfor", "else"])
      loops[loops.count - 1] -= 1
      var alternative: [Statement]?
      if advance().text == "else" {
        alternative = try self.body(of: tag, until: ["endfor"])
        advance()
      }
      return ForLoop(
        target: target, iterable: iterable, test: test, isRecursive: isRecursive, body: body,
        alternative: alternative, bodyScope: bodyScope, alternativeScope: alternativeScope,
        line: tag.line)
    }

    /// The same target as another occurrence of its names.
    private mutating func copy(_ target: Target) -> Target {
      switch target {
      case .name(var name):
        name.id = nameCount
        nameCount += 1
        return .name(name)
      case .attribute: return target
      case .tuple(let parts): return .tuple(parts.map { copy($0) })
      }
    }

    private mutating func ifStatement(_ tag: Token) throws -> Statement {
      var branches: [(test: Expression, body: [Statement])] = []
      while true {
        let test = try tuple(allowsConditional: false)
        branches.append((test, try body(of: tag, until: ["elif", "else", "endif"])))
        switch advance().text {
        case "elif": continue
        case "else":
          let otherwise = try body(of: tag, until: ["endif"])
          advance()
          return .if(branches, otherwise: otherwise)
        default: return .if(branches, otherwise: [])
        }
      }
    }

    private mutating func setStatement(_ tag: Token) throws -> Statement {
      let target = try assignmentTarget(allowsAttributes: true)
      if skipSymbol("=") { return .set(target, try tuple(), line: tag.line) }
      let filter =
        current.isSymbol("|") ? Expression.path(.captured, try filters()) : nil
      let scope = makeScope()
      let body = try body(of: tag, until: ["endset"])
      advance()
      return .setBlock(target, filter: filter, body, scope: scope, line: tag.line)
    }

    private mutating func signature() throws -> (parameters: [Name], defaults: [Expression]) {
      var parameters: [Name] = []
      var defaults: [Expression] = []
      try expectSymbol("(")
      while !current.isSymbol(")") {
        if !parameters.isEmpty { try expectSymbol(",") }
        let token = try expectName()
        if parameters.contains(where: { $0.text == token.text }) {
          throw fault("duplicate argument '\(token.text)' in function definition", at: token)
        }
        parameters.append(try assignable(token))
        if skipSymbol("=") {
          defaults.append(try expression())
        } else if !defaults.isEmpty {
          throw fault("non-default argument follows default argument")
        }
      }
      try expectSymbol(")")
      return (parameters, defaults)
    }

    private mutating func macro(_ tag: Token) throws -> Statement {
      let token = try expectName()
      let name = try assignable(token)
      let (parameters, defaults) = try signature()
      let definition = try function(
        tag, name: token.text, parameters: parameters, defaults: defaults)
      return .macro(name, definition)
    }

    private mutating func callBlock(_ tag: Token) throws -> Statement {
      let (parameters, defaults) = current.isSymbol("(") ? try signature() : ([], [])
      guard case .path(let base, let steps) = try expression(),
        case .call(let arguments, _)? = steps.last
      else { throw fault("expected call", at: tag) }
      let callee = steps.count == 1 ? base : .path(base, steps.dropLast())
      let definition = try function(tag, name: nil, parameters: parameters, defaults: defaults)
      return .call(callee: callee, arguments, definition, line: tag.line)
    }

    private mutating func filterBlock(_ tag: Token) throws -> Statement {
      let filter = Expression.path(.captured, try filters(startsInline: true))
      let scope = makeScope()
      let body = try body(of: tag, until: ["endfilter"])
      advance()
      return .filterBlock(filter, body, scope: scope, line: tag.line)
    }

    private mutating func withBlock(_ tag: Token) throws -> Statement {
      var assignments: [(target: Target, value: Expression)] = []
      while current.kind != .blockEnd {
        if !assignments.isEmpty { try expectSymbol(",") }
        let target = try assignmentTarget(allowsAttributes: false)
        try expectSymbol("=")
        assignments.append((target, try expression()))
      }
      let scope = makeScope()
      let body = try body(of: tag, until: ["endwith"])
      advance()
      return .with(assignments, body, scope: scope, line: tag.line)
    }

    private mutating func block(_ tag: Token) throws -> Statement {
      let name = try expectName()
      guard blockNames.insert(name.text).inserted else {
        throw fault("block '\(name.text)' defined twice", at: name)
      }
      if current.isSymbol("-") {
        throw fault(
          "Block names in Jinja have to be valid Python identifiers and may not contain hyphens,"
            + " use an underscore instead.")
      }
      if current.isName("required") || current.isName("scoped") {
        throw fault("'\(current.text)' blocks are not available: a chat template stands alone")
      }
      let scope = makeScope()
      loops.append(0)
      defer { loops.removeLast() }
      let body = try body(of: tag, until: ["endblock"])
      advance()
      _ = skipName(name.text)
      return .block(name: name.text, body, scope: scope, line: tag.line)
    }

    private mutating func printStatement(_ tag: Token) throws -> [Statement] {
      var printed: [Statement] = []
      while current.kind != .blockEnd {
        if !printed.isEmpty { try expectSymbol(",") }
        printed.append(.print(try expression(), line: tag.line))
      }
      return printed
    }
  }
}
