import HoneFormats

extension Jinja {
  /// A Python value as templates can meet it.
  ///
  /// Lists, tuples and dictionaries never change once made (the sandbox forbids it), so their depth
  /// is known and bounded. What can change (namespaces, frames) belongs to one rendering, which
  /// empties it at its end.
  enum Value {
    /// A variable that nothing has set; reading it gives ``undefined``.
    case missing
    case undefined(Undefined)
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    /// A text marked safe for HTML: what is added to it gets escaped.
    case markup(String)
    case list(Items)
    case tuple(Items)
    case dict(Dictionary)
    case range(IntegerRange)
    case view(DictionaryView)
    case generator(Generator)
    case namespace(Namespace)
    case macro(Macro)
    case function(Function)
    case loop(LoopContext)
    case cycler(Cycler)
    case joiner(Joiner)

    init(_ literal: Literal) {
      switch literal {
      case .none: self = .none
      case .bool(let value): self = .bool(value)
      case .int(let value): self = .int(value)
      case .float(let value): self = .float(value)
      case .string(let value): self = .string(value)
      }
    }

    /// Throws a ``Failure`` when the JSON nests too deeply.
    init(_ json: JSONValue) throws {
      switch json {
      case .null: self = .none
      case .bool(let value): self = .bool(value)
      case .integer(let value): self = .int(value)
      case .number(let value): self = .float(value)
      case .string(let value): self = .string(value)
      case .array(let values): self = .list(try Items(values.map { try Value($0) }))
      case .object(let object): self = .dict(try Dictionary(object))
      }
    }

    static var emptyString: Value { .string("") }

    var isUndefined: Bool {
      if case .undefined = self { return true }
      return false
    }

    /// The characters of a `str`, marked or not.
    var text: String? {
      switch self {
      case .string(let value), .markup(let value): value
      default: nil
      }
    }

    /// A `bool` counts as an integer, as in Python.
    var integer: Int? {
      switch self {
      case .int(let value): value
      case .bool(let value): value ? 1 : 0
      default: nil
      }
    }

    var number: Double? {
      if case .float(let value) = self { return value }
      return integer.map(Double.init)
    }

    /// The name of the Python type, for error messages.
    var typeName: String {
      switch self {
      case .missing, .undefined: "Undefined"
      case .none: "NoneType"
      case .bool: "bool"
      case .int: "int"
      case .float: "float"
      case .string: "str"
      case .markup: "Markup"
      case .list: "list"
      case .tuple: "tuple"
      case .dict: "dict"
      case .range: "range"
      case .view(let view): view.kind.rawValue
      case .generator(let generator): generator.typeName
      case .namespace: "Namespace"
      case .macro: "Macro"
      case .function(let function):
        function.receiver == nil ? "function" : "builtin_function_or_method"
      case .loop: "LoopContext"
      case .cycler: "Cycler"
      case .joiner: "Joiner"
      }
    }

    /// How Jinja names the value when it lacks an attribute.
    var objectDescription: String {
      switch self {
      case .none: "None"
      case .markup: "markupsafe.Markup object"
      case .undefined, .missing: "jinja2.runtime.Undefined object"
      case .macro: "jinja2.runtime.Macro object"
      case .loop: "jinja2.runtime.LoopContext object"
      case .namespace: "jinja2.utils.Namespace object"
      case .cycler: "jinja2.utils.Cycler object"
      case .joiner: "jinja2.utils.Joiner object"
      default: "\(typeName) object"
      }
    }

    /// How many containers hold one another inside the value, itself counted.
    var depth: Int {
      switch self {
      case .list(let items), .tuple(let items): items.depth
      case .dict(let dictionary): dictionary.depth
      case .view(let view): view.dictionary.depth + 1
      case .generator(let generator): generator.depth
      case .function(let function): function.depth
      case .loop(let loop): loop.nesting
      case .cycler(let cycler): cycler.items.depth + 1
      case .namespace, .macro, .joiner: 1
      default: 0
      }
    }

    var isTrue: Bool {
      switch self {
      case .missing, .undefined, .none: false
      case .bool(let value): value
      case .int(let value): value != 0
      case .float(let value): value != 0
      case .string(let value), .markup(let value): !value.isEmpty
      case .list(let items), .tuple(let items): !items.values.isEmpty
      case .dict(let dictionary): dictionary.count > 0
      case .range(let range): range.count > 0
      case .view(let view): view.dictionary.count > 0
      case .generator, .namespace, .macro, .function, .loop, .cycler, .joiner: true
      }
    }
  }

  /// What a lookup that found nothing gives: prints as nothing, and fails when it is used.
  final class Undefined {
    enum Reason {
      case name(String)
      case attribute(of: String, String)
      case element(of: String, String)
      case hint(String)
      /// An attribute that the sandbox keeps back.
      case unsafe(of: String, String)
    }

    let reason: Reason

    init(_ reason: Reason) { self.reason = reason }

    var message: String {
      switch reason {
      case .name(let name): "'\(name)' is undefined"
      case .attribute(let object, let name): "'\(object)' has no attribute '\(name)'"
      case .element(let object, let key): "\(object) has no element \(key)"
      case .hint(let hint): hint
      case .unsafe(let type, let name):
        "access to attribute '\(name)' of '\(type)' object is unsafe."
      }
    }

    var failure: Failure {
      if case .unsafe = reason { return Failure(.security, message) }
      return Failure(.undefined, message)
    }
  }

  /// The elements of a list or a tuple.
  final class Items {
    let values: [Value]
    let depth: Int
    /// Whether the tuple came from `groupby` and so has `grouper` and `list`.
    let isGroup: Bool

    static var empty: Items { Items(leaves: []) }

    init(_ values: [Value], isGroup: Bool = false) throws {
      self.values = values
      self.isGroup = isGroup
      depth = try Items.depth(holding: values)
    }

    /// For elements that hold nothing themselves.
    init(leaves: [Value]) {
      values = leaves
      isGroup = false
      depth = 1
    }

    static func depth(holding values: [Value]) throws -> Int {
      let depth = values.reduce(0) { max($0, $1.depth) } + 1
      guard depth <= Limits.valueDepth else {
        throw Failure(.limit, "values nested more than \(Limits.valueDepth) levels deep")
      }
      return depth
    }
  }

  /// Python's `range`.
  struct IntegerRange {
    var start: Int
    var stop: Int
    var step: Int
    var count: Int

    init(start: Int, stop: Int, step: Int) {
      self.start = start
      self.stop = stop
      self.step = step
      // The distance of two 64-bit numbers may need a 65th bit; beyond the cap its size is moot.
      let (distance, overflows) = (step > 0 ? stop : start)
        .subtractingReportingOverflow(step > 0 ? start : stop)
      if overflows {
        count = (step > 0) == (start < stop) ? .max : 0
      } else {
        let size = step.magnitude
        count = distance <= 0 ? 0 : Int((UInt(distance) - 1) / size) + 1
      }
    }

    subscript(index: Int) -> Int { start &+ index &* step }
    var values: [Value] { (0..<count).map { .int(self[$0]) } }
  }

  /// The attributes of `namespace()`, the one thing that a template can change.
  final class Namespace {
    var attributes: Dictionary
    init(_ attributes: Dictionary) { self.attributes = attributes }
  }

  final class Cycler {
    let items: Items
    var position = 0
    init(_ items: Items) { self.items = items }
  }

  final class Joiner {
    let separator: Value
    var isUsed = false
    init(_ separator: Value) { self.separator = separator }
  }

  /// A global function or a method taken from its object.
  final class Function {
    let name: String
    let receiver: Value?
    let depth: Int

    init(global name: String) {
      self.name = name
      receiver = nil
      depth = 1
    }

    init(method name: String, of receiver: Value) throws {
      self.name = name
      self.receiver = receiver
      depth = try Items.depth(holding: [receiver])
    }
  }

  /// A sequence that is made while it is walked, once: what `map`, `select` and their like give.
  final class Generator {
    let typeName: String
    let depth: Int
    private var produce: (() throws -> Value?)?

    init(
      _ typeName: String = "generator", over source: Value, _ produce: @escaping () throws -> Value?
    ) throws {
      self.typeName = typeName
      self.produce = produce
      depth = try Items.depth(holding: [source])
    }

    func next() throws -> Value? {
      guard let value = try produce?() else {
        produce = nil
        return nil
      }
      return value
    }
  }
}
