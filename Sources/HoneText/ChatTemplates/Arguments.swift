extension Jinja {
  /// The evaluated arguments of a call.
  struct Arguments {
    var positional: [Value] = []
    var keyword: [(name: String, value: Value)] = []

    /// Reads them as the parameters of a Python function.
    func reader(_ function: String) -> ArgumentReader {
      ArgumentReader(function: function, arguments: self)
    }

    /// For a function without parameters.
    func none(_ function: String) throws {
      try reader(function).finish()
    }
  }

  /// Takes arguments one parameter after the other, by position or by name.
  struct ArgumentReader {
    private let function: String
    private var arguments: Arguments
    private var position = 0
    private var optionalCount = 0

    init(function: String, arguments: Arguments) {
      self.function = function
      self.arguments = arguments
    }

    mutating func optional(_ name: String) throws -> Value? {
      optionalCount += 1
      defer { position += 1 }
      let index = arguments.keyword.firstIndex { $0.name == name }
      if position < arguments.positional.count {
        guard index == nil else {
          throw Failure(.type, "\(function)() got multiple values for argument '\(name)'")
        }
        return arguments.positional[position]
      }
      return index.map { arguments.keyword.remove(at: $0).value }
    }

    mutating func required(_ name: String) throws -> Value {
      guard let value = try optional(name) else {
        throw Failure(.type, "\(function)() missing 1 required positional argument: '\(name)'")
      }
      optionalCount -= 1
      return value
    }

    mutating func bool(_ name: String, default value: Bool) throws -> Bool {
      try optional(name)?.isTrue ?? value
    }

    mutating func integer(_ name: String, default value: Int) throws -> Int {
      try optional(name).map(ArgumentReader.integer) ?? value
    }

    /// Nothing also for `None`.
    mutating func optionalText(_ name: String) throws -> String? {
      switch try optional(name) {
      case nil, .some(.none): return nil
      case let value?: return try ArgumentReader.text(value)
      }
    }

    mutating func text(_ name: String) throws -> String {
      try ArgumentReader.text(try required(name))
    }

    static func integer(_ value: Value) throws -> Int {
      if case .undefined(let undefined) = value { throw undefined.failure }
      guard let integer = value.integer else {
        throw Failure(
          .type, "'\(value.typeName)' object cannot be interpreted as an integer")
      }
      return integer
    }

    static func text(_ value: Value) throws -> String {
      guard let text = value.text else {
        throw Failure(.type, "expected str, not \(value.typeName)")
      }
      return text
    }

    /// Refuses what no parameter took.
    func finish() throws {
      if let extra = arguments.keyword.first {
        throw Failure(.type, "\(function)() got an unexpected keyword argument '\(extra.name)'")
      }
      guard arguments.positional.count <= position else {
        let plural = position == 1 ? "" : "s"
        let range =
          optionalCount > 0 ? "from \(position - optionalCount) to \(position)" : "\(position)"
        throw Failure(
          .type,
          "\(function)() takes \(range) positional argument\(plural) but"
            + " \(arguments.positional.count) were given")
      }
    }
  }
}
