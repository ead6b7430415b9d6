#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Jinja.Evaluator {
  private static let tooLarge = Failure(
    .overflow, "the result does not fit 64 bits, the size of integers here")

  func apply(_ operation: Jinja.BinaryOperator, _ a: Value, _ b: Value) throws -> Value {
    if case .remainder = operation, let format = a.text {
      return try formatPercent(format, b, isMarkup: a.isMarkup)
    }
    if case .undefined(let undefined) = a { throw undefined.failure }
    if case .undefined(let undefined) = b { throw undefined.failure }
    if let a = a.integer, let b = b.integer { return try integers(operation, a, b) }
    if let a = a.number, let b = b.number { return try floats(operation, a, b) }
    switch operation {
    case .add: return try add(a, b)
    case .multiply:
      if let count = b.integer { return try repeated(a, count) ?? unsupported(operation, a, b) }
      if let count = a.integer { return try repeated(b, count) ?? unsupported(operation, a, b) }
      return try unsupported(operation, a, b)
    default: return try unsupported(operation, a, b)
    }
  }

  private func unsupported(
    _ operation: Jinja.BinaryOperator, _ a: Value, _ b: Value
  ) throws -> Value {
    let isSequence = [a, b].contains {
      switch $0 {
      case .string, .markup, .list, .tuple: true
      default: false
      }
    }
    if operation == .multiply, isSequence {
      let other = a.text != nil || a.isItems ? b : a
      throw Failure(.type, "can't multiply sequence by non-int of type '\(other.typeName)'")
    }
    let name = operation == .power ? "** or pow()" : operation.rawValue
    throw Failure(
      .type,
      "unsupported operand type(s) for \(name): '\(a.typeName)' and '\(b.typeName)'")
  }

  private func add(_ a: Value, _ b: Value) throws -> Value {
    switch (a, b) {
    case (.string(let a), .string(let b)): return .string(try joined(a, b))
    case (.markup(let a), .markup(let b)): return .markup(try joined(a, b))
    case (.markup(let a), .string(let b)):
      return .markup(try joined(a, Jinja.Text.escapedForHTML(b)))
    case (.string(let a), .markup(let b)):
      return .markup(try joined(Jinja.Text.escapedForHTML(a), b))
    case (.list(let a), .list(let b)):
      try charge(a.values.count + b.values.count)
      return .list(try Jinja.Items(a.values + b.values))
    case (.tuple(let a), .tuple(let b)):
      try charge(a.values.count + b.values.count)
      return .tuple(try Jinja.Items(a.values + b.values))
    case (.string, _), (.markup, _):
      throw Failure(.type, "can only concatenate str (not \"\(b.typeName)\") to str")
    case (.list, _):
      throw Failure(.type, "can only concatenate list (not \"\(b.typeName)\") to list")
    case (.tuple, _):
      throw Failure(.type, "can only concatenate tuple (not \"\(b.typeName)\") to tuple")
    default: return try unsupported(.add, a, b)
    }
  }

  func joined(_ a: String, _ b: String) throws -> String {
    try charge(text: a.utf8.count + b.utf8.count)
    return a + b
  }

  private func repeated(_ value: Value, _ count: Int) throws -> Value? {
    let count = max(count, 0)
    switch value {
    case .string(let text):
      return .string(try repeated(text, count))
    case .markup(let text): return .markup(try repeated(text, count))
    case .list(let items): return .list(try repeated(items, count))
    case .tuple(let items): return .tuple(try repeated(items, count))
    default: return nil
    }
  }

  func repeated(_ text: String, _ count: Int) throws -> String {
    let (bytes, overflows) = text.utf8.count.multipliedReportingOverflow(by: count)
    try charge(text: overflows ? .max : bytes)
    return bytes == 0 ? "" : String(repeating: text, count: count)
  }

  private func repeated(_ items: Jinja.Items, _ count: Int) throws -> Jinja.Items {
    let (total, overflows) = items.values.count.multipliedReportingOverflow(by: count)
    try charge(overflows ? .max : total)
    if total == 0 { return .empty }
    return try Jinja.Items(Array(repeatElement(items.values, count: count).joined()))
  }

  // MARK: Numbers

  private func integers(_ operation: Jinja.BinaryOperator, _ a: Int, _ b: Int) throws -> Value {
    let result: (partialValue: Int, overflow: Bool)
    switch operation {
    case .add: result = a.addingReportingOverflow(b)
    case .subtract: result = a.subtractingReportingOverflow(b)
    case .multiply: result = a.multipliedReportingOverflow(by: b)
    case .divide:
      guard b != 0 else { throw Failure(.zeroDivision, "division by zero") }
      return .float(Double(a) / Double(b))
    case .floorDivide:
      guard b != 0 else { throw Failure(.zeroDivision, "integer division or modulo by zero") }
      let (quotient, overflow) = a.dividedReportingOverflow(by: b)
      result = (!overflow && a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient, overflow)
    case .remainder:
      guard b != 0 else { throw Failure(.zeroDivision, "integer modulo by zero") }
      let rest = a.remainderReportingOverflow(dividingBy: b).partialValue
      return .int(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
    case .power:
      if b < 0 {
        guard a != 0 else {
          throw Failure(.zeroDivision, "0.0 cannot be raised to a negative power")
        }
        return .float(pow(Double(a), Double(b)))
      }
      return .int(try power(a, b))
    }
    guard !result.overflow else { throw Self.tooLarge }
    return .int(result.partialValue)
  }

  private func power(_ base: Int, _ exponent: Int) throws -> Int {
    switch base {
    case 0: return exponent == 0 ? 1 : 0
    case 1: return 1
    case -1: return exponent % 2 == 0 ? 1 : -1
    default:
      guard exponent < 64 else { throw Self.tooLarge }
      var result = 1
      for _ in 0..<exponent {
        let (product, overflow) = result.multipliedReportingOverflow(by: base)
        guard !overflow else { throw Self.tooLarge }
        result = product
      }
      return result
    }
  }

  private func floats(
    _ operation: Jinja.BinaryOperator, _ a: Double, _ b: Double
  ) throws -> Value {
    switch operation {
    case .add: return .float(a + b)
    case .subtract: return .float(a - b)
    case .multiply: return .float(a * b)
    case .divide:
      guard b != 0 else { throw Failure(.zeroDivision, "float division by zero") }
      return .float(a / b)
    case .floorDivide:
      guard b != 0 else { throw Failure(.zeroDivision, "float floor division by zero") }
      return .float(Self.floorDivision(a, b).quotient)
    case .remainder:
      guard b != 0 else { throw Failure(.zeroDivision, "float modulo") }
      return .float(Self.floorDivision(a, b).rest)
    case .power:
      if a == 0, b < 0 {
        throw Failure(.zeroDivision, "0.0 cannot be raised to a negative power")
      }
      let result = pow(a, b)
      if a < 0, b != b.rounded(), b.isFinite {
        throw Failure(.type, "a negative number to a fractional power is complex")
      }
      if result.isInfinite, a.isFinite, b.isFinite {
        throw Failure(.overflow, "(34, 'Numerical result out of range')")
      }
      return .float(result)
    }
  }

  /// The remainder takes the sign of the divisor.
  private static func floorDivision(_ a: Double, _ b: Double) -> (quotient: Double, rest: Double) {
    var rest = fmod(a, b)
    var quotient = (a - rest) / b
    if rest != 0 {
      if (b < 0) != (rest < 0) {
        rest += b
        quotient -= 1
      }
    } else {
      rest = b < 0 ? -0.0 : 0.0
    }
    if quotient != 0 {
      let floored = quotient.rounded(.down)
      quotient = quotient - floored > 0.5 ? floored + 1 : floored
    } else {
      quotient = a / b < 0 ? -0.0 : 0.0
    }
    return (quotient, rest)
  }

  func apply(_ operation: Jinja.UnaryOperator, _ value: Value) throws -> Value {
    if case .undefined(let undefined) = value { throw undefined.failure }
    let isNegative = operation == .negative
    if let integer = value.integer {
      if !isNegative { return .int(integer) }
      guard integer != .min else { throw Self.tooLarge }
      return .int(-integer)
    }
    if case .float(let number) = value { return .float(isNegative ? -number : number) }
    throw Failure(
      .type, "bad operand type for unary \(isNegative ? "-" : "+"): '\(value.typeName)'")
  }
}

extension Jinja.Value {
  var isMarkup: Bool {
    if case .markup = self { return true }
    return false
  }

  var isItems: Bool {
    switch self {
    case .list, .tuple: true
    default: false
    }
  }
}
