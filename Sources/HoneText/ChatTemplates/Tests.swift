extension Jinja {
  /// What may follow `is`.
  enum Tests {
    typealias Body = @Sendable (Evaluator, Value, Arguments) throws -> Bool

    static let all: [(name: String, body: Body)] = [
      ("defined", plain { _, value in !value.isUndefined }),
      ("undefined", plain { _, value in value.isUndefined }),
      ("none", plain { _, value in if case .none = value { true } else { false } }),
      ("boolean", plain { _, value in if case .bool = value { true } else { false } }),
      ("true", plain { _, value in if case .bool(true) = value { true } else { false } }),
      ("false", plain { _, value in if case .bool(false) = value { true } else { false } }),
      ("integer", plain { _, value in if case .int = value { true } else { false } }),
      ("float", plain { _, value in if case .float = value { true } else { false } }),
      ("number", plain { _, value in value.number != nil }),
      ("string", plain { _, value in value.text != nil }),
      ("mapping", plain { _, value in if case .dict = value { true } else { false } }),
      ("sequence", plain { _, value in isSequence(value) }),
      ("iterable", plain { _, value in isIterable(value) }),
      ("callable", plain { _, value in isCallable(value) }),
      ("escaped", plain { _, value in value.isMarkup }),
      ("lower", plain { Text.isLowercase(try $0.scanned($1)) }),
      ("upper", plain { Text.isUppercase(try $0.scanned($1)) }),
      ("filter", plain { _, value in Filters.index[value.text ?? ""] != nil }),
      ("test", plain { _, value in index[value.text ?? ""] != nil }),
      (
        "odd",
        plain { try $0.areEqual(try $0.apply(.remainder, $1, .int(2)), .int(1)) }
      ),
      (
        "even",
        plain { try $0.areEqual(try $0.apply(.remainder, $1, .int(2)), .int(0)) }
      ),
      (
        "divisibleby",
        binary("num") { try $0.areEqual(try $0.apply(.remainder, $1, $2), .int(0)) }
      ),
      ("sameas", binary("other") { $0.areSame($1, $2) }),
      ("in", binary("seq") { try $0.isElement($1, of: $2) }),
      ("==", comparison(.equal)), ("eq", comparison(.equal)), ("equalto", comparison(.equal)),
      ("!=", comparison(.notEqual)), ("ne", comparison(.notEqual)),
      (">", comparison(.greater)), ("gt", comparison(.greater)),
      ("greaterthan", comparison(.greater)),
      (">=", comparison(.greaterOrEqual)), ("ge", comparison(.greaterOrEqual)),
      ("<", comparison(.less)), ("lt", comparison(.less)), ("lessthan", comparison(.less)),
      ("<=", comparison(.lessOrEqual)), ("le", comparison(.lessOrEqual)),
    ]

    static let index: [String: Int] = Swift.Dictionary(
      uniqueKeysWithValues: all.enumerated().map { ($1.name, $0) })

    /// Calls a test whose name is a value, as `select` does.
    static func call(
      _ name: Value, _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
    ) throws -> Bool {
      guard let index = name.text.flatMap({ index[$0] }) else {
        throw Failure(.runtime, "No test named \(name.representation(limit: 200)).")
      }
      return try all[index].body(evaluator, value, arguments)
    }

    private static func plain(
      _ holds: @escaping @Sendable (Evaluator, Value) throws -> Bool
    ) -> Body {
      { evaluator, value, arguments in
        guard arguments.positional.isEmpty, arguments.keyword.isEmpty else {
          throw Failure(.type, "the test takes no argument")
        }
        return try holds(evaluator, value)
      }
    }

    private static func binary(
      _ parameter: String, _ holds: @escaping @Sendable (Evaluator, Value, Value) throws -> Bool
    ) -> Body {
      { evaluator, value, arguments in
        guard arguments.positional.count + arguments.keyword.count == 1 else {
          throw Failure(.type, "the test takes one argument, '\(parameter)'")
        }
        var reader = arguments.reader("the test")
        let other = try reader.required(parameter)
        try reader.finish()
        return try holds(evaluator, value, other)
      }
    }

    private static func comparison(_ comparison: Comparison) -> Body {
      binary("other") { try $0.compare($1, comparison, $2) }
    }

    /// Has a length and items by index; an undefined value counts, as in Jinja.
    private static func isSequence(_ value: Value) -> Bool {
      switch value {
      case .string, .markup, .list, .tuple, .dict, .range, .undefined: true
      default: false
      }
    }

    static func isIterable(_ value: Value) -> Bool {
      switch value {
      case .view, .generator, .loop: true
      default: isSequence(value)
      }
    }

    private static func isCallable(_ value: Value) -> Bool {
      switch value {
      case .macro, .function, .loop, .joiner, .undefined: true
      default: false
      }
    }
  }
}

extension Jinja.Evaluator {
  /// The value as text, its length accounted for.
  fileprivate func scanned(_ value: Value) throws -> String {
    let text = try string(value)
    try charge(scanning: text.utf8.count)
    return text
  }
}
