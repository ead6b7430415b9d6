extension Jinja {
  /// A variable's place: `hops` frames outwards, then the slot.
  struct Place: Sendable {
    var hops: Int
    var slot: Int
  }

  /// What happens to a variable when its scope is entered.
  enum Load: Sendable {
    /// Set by the caller.
    case parameter
    /// Taken from the conversation's variables or the global functions.
    case context(String)
    /// Begins as what an outer scope holds.
    case alias(Place)
    case missing
  }

  /// The variables that entering a scope sets and leaving it forgets.
  struct ScopeLayout: Sendable {
    var loads: [(slot: Int, load: Load)] = []
    /// For a scope that is a function of its own.
    var slotCount = 0
    /// Whether something inside keeps the frame: a macro, a call block, a recursive loop, a test.
    var hasClosures = false
    /// The slots of names that the language itself gives: `loop`, `caller`, `varargs`, `kwargs`.
    var special: [String: Int] = [:]
  }

  /// A template whose names have places.
  struct Program: Sendable {
    var body: [Statement]
    /// By ``Name/id``.
    var places: [Place]
    /// By ``Name/id``: whether storing to the name also publishes it to blocks.
    var published: Set<Int>
    /// By the scope numbers of statements.
    var scopes: [ScopeLayout]
    var root: ScopeLayout
  }

  /// One frame's worth of variables while names are being resolved.
  final class FunctionBuilder {
    let parent: FunctionBuilder?
    var slots: [String: Int] = [:]
    var hasClosures = false

    init(parent: FunctionBuilder?) {
      self.parent = parent
      parent?.hasClosures = true
    }

    /// Scopes of one level that follow one another share their slots.
    func slot(for name: String, level: Int) -> Int {
      let key = "\(level) \(name)"
      if let slot = slots[key] { return slot }
      defer { slots[key] = slots.count }
      return slots.count
    }

    func hops(to function: FunctionBuilder) -> Int {
      var hops = 0
      var candidate: FunctionBuilder? = self
      while let current = candidate, current !== function {
        hops += 1
        candidate = current.parent
      }
      return hops
    }
  }

  /// The names of one scope, collected before any of them is resolved.
  ///
  /// This follows Jinja's own analysis, because its results can be seen: a name that a scope stores
  /// anywhere is local to the whole scope, and begins there as the outer scope's value, as missing,
  /// or, where only a branch stores it, as the conversation's variable.
  final class Symbols {
    struct Reference: Hashable {
      var function: ObjectIdentifier
      var slot: Int
    }

    let level: Int
    let parent: Symbols?
    let function: FunctionBuilder
    private(set) var references: [String: Reference] = [:]
    private(set) var loads: [Reference: Load] = [:]
    private(set) var order: [Reference] = []
    private var stores: Set<String> = []
    private var functions: [ObjectIdentifier: FunctionBuilder] = [:]

    init(parent: Symbols?, function: FunctionBuilder) {
      self.parent = parent
      self.function = function
      level = parent.map { $0.level + 1 } ?? 0
      functions = parent?.functions ?? [:]
      functions[ObjectIdentifier(function)] = function
    }

    private init(copying other: Symbols) {
      level = other.level
      parent = other.parent
      function = other.function
      references = other.references
      loads = other.loads
      order = other.order
      stores = other.stores
      functions = other.functions
    }

    private func define(_ name: String, _ load: Load) {
      let reference = Reference(
        function: ObjectIdentifier(function), slot: function.slot(for: name, level: level))
      references[name] = reference
      setLoad(load, of: reference)
    }

    private func setLoad(_ load: Load, of reference: Reference) {
      if loads.updateValue(load, forKey: reference) == nil { order.append(reference) }
    }

    private func find(_ name: String) -> Reference? {
      references[name] ?? parent?.find(name)
    }

    func place(_ reference: Reference) -> Place {
      let hops = functions[reference.function].map { function.hops(to: $0) } ?? 0
      return Place(hops: hops, slot: reference.slot)
    }

    func place(of name: String) -> Place? { find(name).map(place) }

    func load(_ name: String) {
      if find(name) == nil { define(name, .context(name)) }
    }

    func declareParameter(_ name: String) {
      stores.insert(name)
      define(name, .parameter)
    }

    func store(_ name: String) {
      stores.insert(name)
      guard references[name] == nil else { return }
      if let outer = parent?.find(name) {
        define(name, .alias(place(outer)))
      } else {
        define(name, .missing)
      }
    }

    /// Collects alternatives, of which one will run.
    func branches(_ bodies: [(Symbols) -> Void]) {
      let copies = bodies.map { body in
        let copy = Symbols(copying: self)
        body(copy)
        return copy
      }
      let new = copies.reduce(into: Set<String>()) { $0.formUnion($1.stores) }.subtracting(stores)
      for copy in copies {
        references.merge(copy.references) { $1 }
        for reference in copy.order {
          if let load = copy.loads[reference] { setLoad(load, of: reference) }
        }
        stores.formUnion(copy.stores)
      }
      for name in new.sorted() {
        guard let target = find(name) else { continue }
        if let outer = parent?.find(name) {
          setLoad(.alias(place(outer)), of: target)
        } else {
          setLoad(.context(name), of: target)
        }
      }
    }

    var layout: ScopeLayout {
      var layout = ScopeLayout()
      layout.loads = order.compactMap { reference in
        loads[reference].map { (reference.slot, $0) }
      }
      return layout
    }
  }
}
