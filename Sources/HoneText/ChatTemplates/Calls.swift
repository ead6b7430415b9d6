extension Jinja {
  /// A macro, or the body of a call block, with the frame in which it was defined.
  final class Macro {
    let definition: MacroDefinition
    // Kept alive by the evaluator, which empties it at the end: macros stand in the frames they see.
    let frame: Frame

    init(_ definition: MacroDefinition, frame: Frame) {
      self.definition = definition
      self.frame = frame
    }
  }
}

extension Jinja.Evaluator {
  func call(_ callee: Value, _ arguments: Jinja.Arguments) throws -> Value {
    switch callee {
    case .macro(let macro): return try call(macro, arguments)
    case .function(let function):
      if let receiver = function.receiver {
        return try callMethod(function.name, of: receiver, arguments)
      }
      return try Jinja.Globals.call(function.name, arguments, self)
    case .loop(let loop): return try call(loop, arguments)
    case .joiner(let joiner): return try call(joiner, arguments)
    case .undefined(let undefined): throw undefined.failure
    default: throw Failure(.type, "'\(callee.typeName)' object is not callable")
    }
  }

  @inline(never)
  private func call(_ joiner: Jinja.Joiner, _ arguments: Jinja.Arguments) throws -> Value {
    try arguments.none("__call__")
    defer { joiner.isUsed = true }
    return joiner.isUsed ? joiner.separator : .emptyString
  }

  @inline(never)
  private func call(_ loop: Jinja.LoopContext, _ arguments: Jinja.Arguments) throws -> Value {
    var reader = arguments.reader("loop")
    let source = try reader.required("iterable")
    try reader.finish()
    guard let recursion = loop.recursion else {
      throw Failure(
        .type, "The loop must have the 'recursive' marker to be called recursively.")
    }
    let text = try recurse(
      recursion.loop, over: source, depth0: loop.depth0 + 1, in: recursion.frame)
    return .string(text)
  }

  /// Runs the macro's body and gives its text.
  func call(_ macro: Jinja.Macro, _ arguments: Jinja.Arguments) throws -> Value {
    .string(try run(macro.definition, in: try bind(arguments, to: macro)))
  }

  /// A frame with the arguments in it, bound as Jinja does.
  @inline(never)
  private func bind(_ arguments: Jinja.Arguments, to macro: Jinja.Macro) throws -> Jinja.Frame {
    let definition = macro.definition
    let layout = program.scopes[definition.scope]
    let own = makeFrame(layout, parent: macro.frame)
    var keyword = arguments.keyword
    let count = definition.parameters.count
    var foundCaller = false

    for (index, parameter) in definition.parameters.enumerated() {
      let slot = program.places[parameter.id].slot
      if index < arguments.positional.count {
        own.slots[slot] = arguments.positional[index]
        continue
      }
      if let place = keyword.firstIndex(where: { $0.name == parameter.text }) {
        own.slots[slot] = keyword.remove(at: place).value
      }
      if parameter.text == "caller" { foundCaller = true }
    }
    if arguments.positional.count >= count {
      foundCaller = definition.parameters.contains { $0.text == "caller" }
    }
    if let slot = layout.special["caller"], !foundCaller {
      let place = keyword.firstIndex { $0.name == "caller" }
      own.slots[slot] =
        place.map { keyword.remove(at: $0).value }
        ?? .undefined(Jinja.Undefined(.hint("No caller defined")))
    }
    if let slot = layout.special["kwargs"] {
      let rest = Jinja.Dictionary()
      for (name, value) in keyword { try rest.insert(.string(name), value) }
      own.slots[slot] = .dict(rest)
    } else if let extra = keyword.first {
      throw unexpected(extra.name, definition)
    }
    if let slot = layout.special["varargs"] {
      own.slots[slot] = .tuple(try Jinja.Items(Array(arguments.positional.dropFirst(count))))
    } else if arguments.positional.count > count {
      throw Failure(
        .type,
        "macro \(shown(definition)) takes not more than \(count) argument(s)")
    }
    return own
  }

  @inline(never)
  private func run(_ definition: Jinja.MacroDefinition, in own: Jinja.Frame) throws -> String {
    try within(own) {
      try collecting {
        try descend()
        defer { ascend() }
        enter(program.scopes[definition.scope])
        try fillDefaults(definition)
        _ = try execute(definition.body)
      }.text
    }
  }

  @inline(never)
  private func fillDefaults(_ definition: Jinja.MacroDefinition) throws {
    let firstDefault = definition.parameters.count - definition.defaults.count
    for (index, parameter) in definition.parameters.enumerated() {
      let slot = program.places[parameter.id].slot
      guard case .missing = frame.slots[slot] else { continue }
      frame.slots[slot] =
        index < firstDefault
        ? .undefined(Jinja.Undefined(.hint("parameter '\(parameter.text)' was not provided")))
        : try evaluate(definition.defaults[index - firstDefault])
    }
  }

  private func shown(_ definition: Jinja.MacroDefinition) -> String {
    definition.name.map { "'\($0)'" } ?? "None"
  }

  private func unexpected(_ name: String, _ definition: Jinja.MacroDefinition) -> Failure {
    name == "caller"
      ? Failure(
        .type,
        "macro \(shown(definition)) was invoked with two values for the special caller argument."
          + " This is most likely a bug.")
      : Failure(.type, "macro \(shown(definition)) takes no keyword argument '\(name)'")
  }
}

extension Jinja {
  /// The functions that every template finds.
  enum Globals {
    static let names: Set<String> = [
      "range", "dict", "namespace", "cycler", "joiner", "raise_exception", "strftime_now",
      "lipsum",
    ]

    static func call(
      _ name: String, _ arguments: Arguments, _ evaluator: Evaluator
    ) throws -> Value {
      switch name {
      case "range": return .range(try range(arguments))
      case "dict": return .dict(try dictionary(arguments, "dict", evaluator))
      case "namespace": return try namespace(arguments, evaluator)
      case "cycler":
        guard !arguments.positional.isEmpty else {
          throw Failure(.python, "at least one item has to be provided")
        }
        return .cycler(Cycler(try Items(arguments.positional)))
      case "joiner":
        var reader = arguments.reader("joiner")
        let separator = try reader.optional("sep") ?? .string(", ")
        try reader.finish()
        return .joiner(Joiner(separator))
      case "raise_exception":
        var reader = arguments.reader(name)
        let message = try reader.required("message")
        try reader.finish()
        throw Failure(.template, try evaluator.string(message))
      case "strftime_now":
        var reader = arguments.reader(name)
        let format = try reader.text("format")
        try reader.finish()
        return .string(evaluator.now().formatted(format))
      default:
        throw Failure(.runtime, "the function '\(name)' is not available in chat templates")
      }
    }

    private static func range(_ arguments: Arguments) throws -> IntegerRange {
      let values = try arguments.positional.map(ArgumentReader.integer)
      guard arguments.keyword.isEmpty else {
        throw Failure(.type, "range() takes no keyword arguments")
      }
      let range: IntegerRange
      switch values.count {
      case 1: range = IntegerRange(start: 0, stop: values[0], step: 1)
      case 2: range = IntegerRange(start: values[0], stop: values[1], step: 1)
      case 3:
        guard values[2] != 0 else { throw Failure(.value, "range() arg 3 must not be zero") }
        range = IntegerRange(start: values[0], stop: values[1], step: values[2])
      case 0: throw Failure(.type, "range expected at least 1 argument, got 0")
      default: throw Failure(.type, "range expected at most 3 arguments, got \(values.count)")
      }
      guard range.count <= Limits.rangeCount else {
        throw Failure(
          .overflow,
          "Range too big. The sandbox blocks ranges larger than MAX_RANGE"
            + " (\(Limits.rangeCount)).")
      }
      return range
    }

    /// `dict(mapping or pairs, **names)`
    static func dictionary(
      _ arguments: Arguments, _ function: String, _ evaluator: Evaluator
    ) throws -> Dictionary {
      guard arguments.positional.count <= 1 else {
        throw Failure(
          .type,
          "\(function) expected at most 1 argument, got \(arguments.positional.count)")
      }
      var result = Dictionary()
      switch arguments.positional.first {
      case nil: break
      case .dict(let other): result = Dictionary(copying: other)
      case .namespace(let namespace): result = Dictionary(copying: namespace.attributes)
      case let pairs?:
        for (index, pair) in try evaluator.elements(of: pairs).enumerated() {
          guard Tests.isIterable(pair) else {
            throw Failure(
              .type,
              "cannot convert dictionary update sequence element #\(index) to a sequence")
          }
          let parts = try evaluator.elements(of: pair)
          guard parts.count == 2 else {
            throw Failure(
              .value,
              "dictionary update sequence element #\(index) has length \(parts.count); 2 is"
                + " required")
          }
          try evaluator.charge(key: parts[0])
          try result.insert(parts[0], parts[1])
        }
      }
      try evaluator.charge(result.count)
      for (name, value) in arguments.keyword { try result.insert(.string(name), value) }
      return result
    }

    private static func namespace(_ arguments: Arguments, _ evaluator: Evaluator) throws -> Value {
      let attributes = try dictionary(arguments, "namespace", evaluator)
      for key in attributes.keys { try key.text.map(evaluator.checkAttribute) }
      let namespace = Namespace(attributes)
      evaluator.keep(namespace)
      return .namespace(namespace)
    }
  }
}
