extension Jinja {
  /// One place in the source where a name is read or bound; `id` indexes the resolver's table.
  struct Name: Sendable {
    var id: Int
    var text: String
    var line: Int
  }

  enum Literal: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
  }

  enum UnaryOperator: Sendable { case negative, positive }

  enum BinaryOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case remainder = "%"
    case power = "**"
  }

  enum Comparison: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case within = "in"
    case notWithin = "not in"
  }

  struct CallArguments: Sendable {
    var positional: [Expression] = []
    var keyword: [(name: String, value: Expression)] = []
    var unpackedList: Expression?
    var unpackedDict: Expression?

    static let none = CallArguments()

    var isEmpty: Bool {
      positional.isEmpty && keyword.isEmpty && unpackedList == nil && unpackedDict == nil
    }
  }

  /// The use of a filter or a test by name.
  struct Application: Sendable {
    var name: String
    /// The place in ``Filters`` or ``Tests``; nil for a name that does not exist.
    var index: Int?
    var arguments: CallArguments
    var line: Int
    var column: Int
  }

  /// What follows a value: each step takes the value of those before it.
  enum Step: Sendable {
    case attribute(String, line: Int)
    case item(Expression, line: Int)
    case slice(start: Expression?, stop: Expression?, step: Expression?, line: Int)
    case call(CallArguments, line: Int)
    case filter(Application)
    case test(Application)
    /// The `not` of `is not`.
    case negation
  }

  /// Chains of operators and steps are flat, so that only brackets make a tree deep.
  indirect enum Expression: Sendable {
    case literal(Literal)
    case name(Name)
    case list([Expression])
    case tuple([Expression])
    case dict([(key: Expression, value: Expression)], line: Int)
    case unary(UnaryOperator, Expression, line: Int)
    /// From left to right, all operators being of one precedence.
    case arithmetic(Expression, [(operation: BinaryOperator, operand: Expression, line: Int)])
    case all([Expression])
    case any([Expression])
    case not(Expression)
    case compare(Expression, [(Comparison, Expression)], line: Int)
    case concatenate([Expression], line: Int)
    case conditional(test: Expression, then: Expression, else: Expression?, line: Int)
    case path(Expression, [Step])
    /// The text that a filter or set block collected.
    case captured
  }

  indirect enum Target: Sendable {
    case name(Name)
    /// `namespace.attribute`
    case attribute(Name, String)
    case tuple([Target])
  }

  /// A macro's signature and body; also the body of a call block, whose name is nil.
  final class MacroDefinition: Sendable {
    let name: String?
    let parameters: [Name]
    /// For the last parameters, as many as there are.
    let defaults: [Expression]
    let body: [Statement]
    let scope: Int
    let line: Int

    init(
      name: String?, parameters: [Name], defaults: [Expression], body: [Statement], scope: Int,
      line: Int
    ) {
      self.name = name
      self.parameters = parameters
      self.defaults = defaults
      self.body = body
      self.scope = scope
      self.line = line
    }
  }

  final class ForLoop: Sendable {
    let target: Target
    let iterable: Expression
    let test: (target: Target, condition: Expression, scope: Int)?
    let isRecursive: Bool
    let body: [Statement]
    let alternative: [Statement]?
    let bodyScope: Int
    let alternativeScope: Int
    let line: Int

    init(
      target: Target, iterable: Expression,
      test: (target: Target, condition: Expression, scope: Int)?, isRecursive: Bool,
      body: [Statement], alternative: [Statement]?, bodyScope: Int, alternativeScope: Int, line: Int
    ) {
      self.target = target
      self.iterable = iterable
      self.test = test
      self.isRecursive = isRecursive
      self.body = body
      self.alternative = alternative
      self.bodyScope = bodyScope
      self.alternativeScope = alternativeScope
      self.line = line
    }
  }

  indirect enum Statement: Sendable {
    case text(String)
    case print(Expression, line: Int)
    case set(Target, Expression, line: Int)
    case setBlock(Target, filter: Expression?, [Statement], scope: Int, line: Int)
    case `for`(ForLoop)
    case `if`([(test: Expression, body: [Statement])], otherwise: [Statement])
    case macro(Name, MacroDefinition)
    case call(callee: Expression, CallArguments, MacroDefinition, line: Int)
    case filterBlock(Expression, [Statement], scope: Int, line: Int)
    case with([(target: Target, value: Expression)], [Statement], scope: Int, line: Int)
    case block(name: String, [Statement], scope: Int, line: Int)
    case generation(MacroDefinition)
    case `break`(line: Int)
    case `continue`(line: Int)
  }

  /// A parsed source, before its names are resolved.
  struct Syntax: Sendable {
    var body: [Statement]
    var nameCount: Int
    var scopeCount: Int
  }
}
