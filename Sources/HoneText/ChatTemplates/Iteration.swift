extension Jinja {
  /// A walk over a value's elements.
  struct Cursor {
    private enum Source {
      case elements([Value])
      case generator(Generator)
    }

    private let source: Source
    private var position = 0

    init(_ elements: [Value]) { source = .elements(elements) }
    init(_ generator: Generator) { source = .generator(generator) }

    /// How many elements there are in all, where that is known beforehand.
    var count: Int? {
      if case .elements(let elements) = source { return elements.count }
      return nil
    }

    mutating func next() throws -> Value? {
      switch source {
      case .elements(let elements):
        guard position < elements.count else { return nil }
        defer { position += 1 }
        return elements[position]
      case .generator(let generator): return try generator.next()
      }
    }
  }

  /// The `loop` of a for loop.
  final class LoopContext {
    private var cursor: Cursor
    private var index0 = -1
    private var knownLength: Int?
    /// Elements taken from the cursor ahead of their turn.
    private var ahead: [Value] = []
    private var before: Value?
    private var current: Value?
    var lastChanged: Value?
    let depth0: Int
    let nesting: Int
    /// For a recursive loop: the loop and the frame in which it stands.
    let recursion: (loop: ForLoop, frame: Frame)?

    init(
      _ cursor: Cursor, over source: Value, depth0: Int, recursion: (loop: ForLoop, frame: Frame)?
    ) throws {
      self.cursor = cursor
      self.depth0 = depth0
      self.recursion = recursion
      knownLength = cursor.count
      nesting = try Items.depth(holding: [source])
    }

    func next() throws -> Value? {
      let value = ahead.isEmpty ? try cursor.next() : ahead.removeFirst()
      guard let value else { return nil }
      index0 += 1
      before = current
      current = value
      return value
    }

    private func peek() throws -> Value? {
      if ahead.isEmpty, let value = try cursor.next() { ahead.append(value) }
      return ahead.first
    }

    func length() throws -> Int {
      if let knownLength { return knownLength }
      while let value = try cursor.next() { ahead.append(value) }
      // Walking a list does not shift it at each step.
      let rest = ahead
      ahead = []
      cursor = Cursor(rest)
      let length = index0 + 1 + rest.count
      knownLength = length
      return length
    }

    var description: String {
      get throws { "<LoopContext \(index0 + 1)/\(try length())>" }
    }

    /// Nothing for a name that is no attribute of loops.
    func attribute(_ name: String) throws -> Value? {
      switch name {
      case "index": .int(index0 + 1)
      case "index0": .int(index0)
      case "first": .bool(index0 == 0)
      case "last": .bool(try peek() == nil)
      case "length": .int(try length())
      case "revindex": .int(try length() - index0)
      case "revindex0": .int(try length() - index0 - 1)
      case "depth": .int(depth0 + 1)
      case "depth0": .int(depth0)
      case "previtem":
        before.flatMap { index0 > 0 ? $0 : nil }
          ?? .undefined(Undefined(.hint("there is no previous item")))
      case "nextitem":
        try peek() ?? .undefined(Undefined(.hint("there is no next item")))
      case "cycle", "changed": .function(try Function(method: name, of: .loop(self)))
      default: nil
      }
    }

    func cycle(_ arguments: Arguments) throws -> Value {
      guard !arguments.positional.isEmpty else {
        throw Failure(.type, "no items for cycling given")
      }
      return arguments.positional[max(index0, 0) % arguments.positional.count]
    }
  }
}

extension Jinja.Evaluator {
  func cursor(over value: Value) throws -> Jinja.Cursor {
    switch value {
    case .list(let items), .tuple(let items): return Jinja.Cursor(items.values)
    case .generator(let generator): return Jinja.Cursor(generator)
    case .loop(let loop):
      return Jinja.Cursor(try Jinja.Generator(over: value) { try loop.next() })
    default: return Jinja.Cursor(try elements(of: value))
    }
  }

  /// All the elements at once; a generator is used up.
  func elements(of value: Value) throws -> [Value] {
    switch value {
    case .list(let items), .tuple(let items): return items.values
    case .undefined, .missing: return []
    case .dict(let dictionary): return dictionary.keys
    case .range(let range):
      try charge(range.count)
      return range.values
    case .view(let view):
      try charge(view.dictionary.count)
      return try view.elements
    case .string(let text):
      try charge(text.utf8.count)
      return Jinja.Text.characters(text).map { .string($0) }
    case .markup(let text):
      try charge(text.utf8.count)
      return Jinja.Text.characters(text).map { .string($0) }
    case .generator(let generator):
      var values: [Value] = []
      while let value = try generator.next() {
        try charge(1)
        values.append(value)
      }
      return values
    case .loop(let loop):
      var values: [Value] = []
      while let value = try loop.next() { values.append(value) }
      return values
    default: throw Failure(.type, "'\(value.typeName)' object is not iterable")
    }
  }

  /// Python's `len`.
  func length(of value: Value) throws -> Int {
    switch value {
    case .string(let text), .markup(let text):
      try charge(bytes: text.utf8.count)
      return Jinja.Text.count(text)
    case .list(let items), .tuple(let items): return items.values.count
    case .dict(let dictionary): return dictionary.count
    case .range(let range): return range.count
    case .view(let view): return view.dictionary.count
    case .undefined, .missing: return 0
    case .loop(let loop): return try loop.length()
    default: throw Failure(.type, "object of type '\(value.typeName)' has no len()")
    }
  }
}
