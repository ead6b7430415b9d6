extension Jinja.Filters {
  typealias Evaluator = Jinja.Evaluator
  typealias Value = Jinja.Value
  typealias Arguments = Jinja.Arguments
  typealias Failure = Jinja.Failure

  // MARK: Attributes by path

  /// The value at `a.b.0` inside an item.
  private static func getter(
    _ attribute: Value?, _ evaluator: Evaluator, default fallback: Value? = nil
  ) throws -> (Value) throws -> Value {
    let parts: [Value]
    switch attribute {
    case nil, .some(.none): return { $0 }
    case .string(let path), .markup(let path):
      parts = path.split(separator: ".", omittingEmptySubsequences: false).map {
        Int($0).map { .int($0) } ?? .string(String($0))
      }
    case let index?: parts = [index]
    }
    return { item in
      var item = item
      for part in parts {
        item = try evaluator.item(part, of: item)
        if let fallback, item.isUndefined { item = fallback }
      }
      return item
    }
  }

  /// Texts count as equal when only their case differs.
  private static func ignoringCase(_ value: Value) -> Value {
    value.text.map { .string(Jinja.Text.lowercased($0)) } ?? value
  }

  private static func keys(
    of values: [Value], _ attribute: Value?, isCaseSensitive: Bool, _ evaluator: Evaluator,
    default fallback: Value? = nil
  ) throws -> [Value] {
    let getter = try getter(attribute, evaluator, default: fallback)
    return try values.map { isCaseSensitive ? try getter($0) : ignoringCase(try getter($0)) }
  }

  /// A stable merge sort: the positions of the keys in order.
  private static func order(
    _ keys: [Value], reversed: Bool, _ evaluator: Evaluator
  ) throws -> [Int] {
    var order = Array(keys.indices)
    var width = 1
    while width < order.count {
      try evaluator.charge(order.count)
      var merged: [Int] = []
      merged.reserveCapacity(order.count)
      for start in stride(from: 0, to: order.count, by: 2 * width) {
        var left = order[start..<Swift.min(start + width, order.count)]
        var right = order[left.endIndex..<Swift.min(start + 2 * width, order.count)]
        while let a = left.first, let b = right.first {
          let takesRight =
            reversed
            ? try evaluator.isLess(keys[a], keys[b]) : try evaluator.isLess(keys[b], keys[a])
          merged.append(takesRight ? right.removeFirst() : left.removeFirst())
        }
        merged += left
        merged += right
      }
      order = merged
      width *= 2
    }
    return order
  }

  // MARK: Ends, order and groups

  @Sendable static func first(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_first")
    var cursor = try evaluator.cursor(over: value)
    return try cursor.next()
      ?? .undefined(Jinja.Undefined(.hint("No first item, sequence was empty.")))
  }

  @Sendable static func last(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_last")
    switch value {
    case .generator, .none, .int, .bool, .float, .namespace, .loop:
      throw Failure(.type, "'\(value.typeName)' object is not reversible")
    default:
      return try evaluator.elements(of: value).last
        ?? .undefined(Jinja.Undefined(.hint("No last item, sequence was empty.")))
    }
  }

  @Sendable static func list(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_list")
    if case .undefined = value { return .list(.empty) }
    return .list(try Jinja.Items(try evaluator.elements(of: value)))
  }

  @Sendable static func reverse(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_reverse")
    if let text = value.text {
      try evaluator.charge(scanning: text.utf8.count)
      let reversed = Jinja.Text.string(text.unicodeScalars.reversed())
      return value.isMarkup ? .markup(reversed) : .string(reversed)
    }
    let values: [Value]
    do {
      values = try evaluator.elements(of: value)
    } catch let failure as Failure where failure.kind == .type {
      throw Failure(.filterArgument, "argument must be iterable")
    }
    if case .generator = value { return .list(try Jinja.Items(values.reversed())) }
    let name =
      switch value {
      case .list: "list_reverseiterator"
      case .dict: "dict_reversekeyiterator"
      case .range: "range_iterator"
      default: "reversed"
      }
    var cursor = Jinja.Cursor(values.reversed())
    return .generator(try Jinja.Generator(name, over: value) { try cursor.next() })
  }

  @Sendable static func sort(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_sort")
    let reversed = try reader.bool("reverse", default: false)
    let isCaseSensitive = try reader.bool("case_sensitive", default: false)
    let attribute = try reader.optional("attribute")
    try reader.finish()
    let values = try evaluator.elements(of: value)
    // Several attributes, with commas, make a key of several parts.
    var attributes = [attribute]
    if let text = attribute?.text {
      attributes = text.split(separator: ",", omittingEmptySubsequences: false).map {
        .string(String($0))
      }
    }
    var keys = try attributes.map {
      try Self.keys(of: values, $0, isCaseSensitive: isCaseSensitive, evaluator)
    }
    if keys.count > 1 {
      keys = [try values.indices.map { index in .list(try Jinja.Items(keys.map { $0[index] })) }]
    }
    let order = try order(keys[0], reversed: reversed, evaluator)
    return .list(try Jinja.Items(order.map { values[$0] }))
  }

  @Sendable static func dictsort(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_dictsort")
    let isCaseSensitive = try reader.bool("case_sensitive", default: false)
    let by = try reader.optional("by") ?? .string("key")
    let reversed = try reader.bool("reverse", default: false)
    try reader.finish()
    guard let by = by.text, by == "key" || by == "value" else {
      throw Failure(.filterArgument, "You can only sort by either \"key\" or \"value\"")
    }
    if case .undefined(let undefined) = value { throw undefined.failure }
    guard case .dict(let dictionary) = value else {
      throw Failure(.attribute, "'\(value.typeName)' object has no attribute 'items'")
    }
    let keys = by == "key" ? dictionary.keys : dictionary.values
    let order = try order(
      isCaseSensitive ? keys : keys.map(ignoringCase), reversed: reversed, evaluator)
    let items = try dictionary.items
    return .list(try Jinja.Items(order.map { items[$0] }))
  }

  @Sendable static func unique(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_unique")
    let isCaseSensitive = try reader.bool("case_sensitive", default: false)
    let getter = try getter(try reader.optional("attribute"), evaluator)
    try reader.finish()
    var seen: Set<Jinja.Dictionary.Key> = []
    return try generate(over: value, evaluator) { item in
      let key = try getter(item)
      try evaluator.charge(key: key)
      let isNew = seen.insert(
        try Jinja.Dictionary.Key(isCaseSensitive ? key : ignoringCase(key))
      ).inserted
      return isNew ? item : nil
    }
  }

  @Sendable static func groupby(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_groupby")
    let attribute = try reader.required("attribute")
    let fallback = try reader.optional("default")
    let isCaseSensitive = try reader.bool("case_sensitive", default: false)
    try reader.finish()
    let values = try evaluator.elements(of: value)
    let usual: Value? = if case .some(.none) = fallback { nil } else { fallback }
    let keys = try keys(
      of: values, attribute, isCaseSensitive: isCaseSensitive, evaluator, default: usual)
    var groups: [(key: Value, members: [Value])] = []
    for index in try order(keys, reversed: false, evaluator) {
      if let last = groups.last, try evaluator.areEqual(last.key, keys[index]) {
        groups[groups.count - 1].members.append(values[index])
      } else {
        groups.append((keys[index], [values[index]]))
      }
    }
    let shown = try getter(attribute, evaluator, default: usual)
    return .list(
      try Jinja.Items(
        groups.map { group in
          let key = isCaseSensitive ? group.key : try shown(group.members[0])
          let members = Value.list(try Jinja.Items(group.members))
          return .tuple(try Jinja.Items([key, members], isGroup: true))
        }))
  }

  @Sendable static func min(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try extreme(evaluator, value, arguments, "do_min") { try evaluator.isLess($0, $1) }
  }

  @Sendable static func max(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try extreme(evaluator, value, arguments, "do_max") {
      try evaluator.compare($0, .greater, $1)
    }
  }

  private static func extreme(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments, _ function: String,
    _ precedes: (Value, Value) throws -> Bool
  ) throws -> Value {
    var reader = arguments.reader(function)
    let isCaseSensitive = try reader.bool("case_sensitive", default: false)
    let attribute = try reader.optional("attribute")
    try reader.finish()
    let values = try evaluator.elements(of: value)
    guard !values.isEmpty else {
      return .undefined(Jinja.Undefined(.hint("No aggregated item, sequence was empty.")))
    }
    let keys = try keys(of: values, attribute, isCaseSensitive: isCaseSensitive, evaluator)
    var best = 0
    for index in keys.indices.dropFirst() where try precedes(keys[index], keys[best]) {
      best = index
    }
    return values[best]
  }

  @Sendable static func sum(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_sum")
    let getter = try getter(try reader.optional("attribute"), evaluator)
    var total = try reader.optional("start") ?? .int(0)
    try reader.finish()
    if total.text != nil {
      throw Failure(.type, "sum() can't sum strings [use ''.join(seq) instead]")
    }
    for item in try evaluator.elements(of: value) {
      total = try evaluator.apply(.add, total, try getter(item))
    }
    return total
  }

  // MARK: Made while they are walked

  /// A generator of what `transform` gives for each element; nothing leaves the element out.
  private static func generate(
    over value: Value, _ evaluator: Evaluator, _ transform: @escaping (Value) throws -> Value?
  ) throws -> Value {
    var cursor: Jinja.Cursor?
    return .generator(
      try Jinja.Generator(over: value) { [unowned evaluator] in
        // Python's generators look at their source when the first element is wanted.
        if cursor == nil { cursor = try evaluator.cursor(over: value) }
        while let item = try cursor?.next() {
          try evaluator.charge(1)
          if let result = try transform(item) { return result }
        }
        return nil
      })
  }

  private static func generateUnlessEmpty(
    over value: Value, _ evaluator: Evaluator, _ transform: @escaping (Value) throws -> Value?
  ) throws -> Value {
    try generate(over: value.isTrue ? value : .list(.empty), evaluator, transform)
  }

  @Sendable static func map(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var arguments = arguments
    if arguments.positional.isEmpty,
      let index = arguments.keyword.firstIndex(where: { $0.name == "attribute" })
    {
      let attribute = arguments.keyword.remove(at: index).value
      var reader = arguments.reader("map")
      var fallback = try reader.optional("default")
      if case .some(.none) = fallback { fallback = nil }
      if let extra = arguments.keyword.first(where: { $0.name != "default" }) {
        throw Failure(.filterArgument, "Unexpected keyword argument '\(extra.name)'")
      }
      try reader.finish()
      return try generateUnlessEmpty(
        over: value, evaluator, try getter(attribute, evaluator, default: fallback))
    }
    guard let name = arguments.positional.first else {
      return try generateUnlessEmpty(over: value, evaluator) { _ in
        throw Failure(.filterArgument, "map requires a filter argument")
      }
    }
    arguments.positional.removeFirst()
    let given = arguments
    return try generateUnlessEmpty(over: value, evaluator) { [unowned evaluator] item in
      try call(name, evaluator, item, given)
    }
  }

  @Sendable static func select(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value { try choose(evaluator, value, arguments, keeps: true, byAttribute: false) }

  @Sendable static func reject(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value { try choose(evaluator, value, arguments, keeps: false, byAttribute: false) }

  @Sendable static func selectattr(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value { try choose(evaluator, value, arguments, keeps: true, byAttribute: true) }

  @Sendable static func rejectattr(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value { try choose(evaluator, value, arguments, keeps: false, byAttribute: true) }

  private static func choose(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments, keeps: Bool,
    byAttribute: Bool
  ) throws -> Value {
    var arguments = arguments
    var subject: (Value) throws -> Value = { $0 }
    if byAttribute {
      guard !arguments.positional.isEmpty else {
        return try generateUnlessEmpty(over: value, evaluator) { _ in
          throw Failure(.filterArgument, "Missing parameter for attribute name")
        }
      }
      subject = try getter(arguments.positional.removeFirst(), evaluator)
    }
    let test = arguments.positional.first
    if test != nil { arguments.positional.removeFirst() }
    let given = arguments
    return try generateUnlessEmpty(over: value, evaluator) { [unowned evaluator] item in
      let tested = try subject(item)
      let holds =
        try test.map { try Jinja.Tests.call($0, evaluator, tested, given) } ?? tested.isTrue
      return holds == keeps ? item : nil
    }
  }

  @Sendable static func items(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    try arguments.none("do_items")
    switch value {
    case .undefined: return try generate(over: value, evaluator) { $0 }
    case .dict(let dictionary):
      let view = Value.view(Jinja.DictionaryView(.items, of: dictionary))
      return try generate(over: view, evaluator) { $0 }
    default:
      return .generator(
        try Jinja.Generator(over: value) {
          throw Failure(.type, "Can only get item pairs from a mapping.")
        })
    }
  }

  @Sendable static func batch(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_batch")
    let count = try ArgumentReader.integer(try reader.required("linecount"))
    let filler = try reader.optional("fill_with") ?? .none
    try reader.finish()
    var cursor: Jinja.Cursor?
    // As in Python, a count that is never reached gathers everything in one batch.
    return .generator(
      try Jinja.Generator(over: value) { [unowned evaluator] in
        if cursor == nil { cursor = try evaluator.cursor(over: value) }
        var batch: [Value] = []
        while count <= 0 || batch.count < count, let item = try cursor?.next() {
          try evaluator.charge(1)
          batch.append(item)
        }
        if batch.isEmpty { return nil }
        if case .none = filler { return .list(try Jinja.Items(batch)) }
        let missing = count.subtractingReportingOverflow(batch.count).partialValue
        if missing > 0 {
          try evaluator.charge(missing)
          batch += Array(repeating: filler, count: missing)
        }
        return .list(try Jinja.Items(batch))
      })
  }

  private typealias ArgumentReader = Jinja.ArgumentReader

  @Sendable static func slice(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_slice")
    let count = try ArgumentReader.integer(try reader.required("slices"))
    let filler = try reader.optional("fill_with") ?? .none
    try reader.finish()
    var values: [Value]?
    var number = 0
    return .generator(
      try Jinja.Generator(over: value) { [unowned evaluator] in
        if values == nil { values = try evaluator.elements(of: value) }
        guard let all = values, number < count else {
          if count == 0 {
            throw Failure(.zeroDivision, "integer division or modulo by zero")
          }
          return nil
        }
        try evaluator.charge(1)
        let (size, extra) = all.count.quotientAndRemainder(dividingBy: count)
        let start = number * size + Swift.min(number, extra)
        var part = Array(all[start..<start + size + (number < extra ? 1 : 0)])
        try evaluator.charge(part.count)
        if case .none = filler {} else if number >= extra { part.append(filler) }
        number += 1
        return .list(try Jinja.Items(part))
      })
  }
}
