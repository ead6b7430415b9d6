extension Jinja {
  /// The variables of a template's top, a macro's call or a block.
  final class Frame {
    var slots: [Value]
    let parent: Frame?

    init(slotCount: Int, parent: Frame?) {
      slots = Array(repeating: .missing, count: slotCount)
      self.parent = parent
    }
  }

  /// One rendering: walks the tree, writes the output, and stops at the limits.
  final class Evaluator {
    let program: Program
    let now: () -> CalendarTime
    /// The conversation's variables, and for blocks what the top of the template has set.
    private var variables: [String: Value]
    var frame: Frame

    /// What is being written: the rendering itself, or the text that a macro or block collects.
    private(set) var output = ""
    private var bufferDepth = 0
    /// The length of the rendering itself while a buffer collects.
    private var outerLength = 0
    private(set) var assistantRanges: [Range<Int>] = []
    /// What a filter block or set block collected, for its filters.
    var captured = Value.emptyString

    /// The line being evaluated, for errors.
    var line = 1
    private var steps = Limits.steps
    private var depth = 0
    private var stackStart = 0

    /// What may refer to itself. Emptied at the end, so that nothing outlives the rendering and no
    /// long chain of objects is freed by recursion.
    private var frames: [Frame] = []
    private var namespaces: [Namespace] = []
    private var changingLoops: [LoopContext] = []

    init(
      _ program: Program, variables: [String: Value],
      now: @escaping () -> CalendarTime
    ) {
      self.program = program
      self.variables = variables
      self.now = now
      frame = Frame(slotCount: program.root.slotCount, parent: nil)
      frames.append(frame)
    }

    func run() throws {
      defer { release() }
      stackStart = Jinja.stackPosition()
      enter(program.root)
      _ = try execute(program.body)
    }

    private func release() {
      for frame in frames { frame.slots = [] }
      for namespace in namespaces { namespace.attributes = Dictionary() }
      for loop in changingLoops { loop.lastChanged = nil }
      frames = []
      namespaces = []
      changingLoops = []
      captured = .none
    }

    // MARK: Limits

    private static let exhausted = Failure(
      .limit, "the template does more work than a rendering may; it may be looping for ever")

    func charge(_ count: Int) throws {
      // Checked before subtracting: a hostile count may be as large as an integer can be.
      guard count <= steps else { throw Self.exhausted }
      steps -= count
    }

    /// For bytes copied, compared or searched as a block.
    func charge(bytes: Int) throws { try charge(bytes >> 8 + 1) }

    /// For bytes looked at one character after the other.
    func charge(scanning bytes: Int) throws { try charge(bytes >> 4 + 1) }

    /// For a text about to be made.
    func charge(text bytes: Int) throws {
      guard bytes <= Limits.textBytes else {
        throw Failure(.limit, "a text of more than \(Limits.textBytes >> 20) MB")
      }
      try charge(bytes: bytes)
    }

    private static let tooDeep = Failure(
      .recursion, "macros, loops or expressions nest too deeply; does a macro call itself?")

    /// Goes one level deeper, unless the stack has no room for it; ``ascend()`` comes back.
    ///
    /// The room is measured, since how much a level takes depends on what stands in it and on how
    /// the program was built.
    @inline(never)
    func descend() throws {
      guard depth < Limits.evaluationDepth,
        abs(stackStart - Jinja.stackPosition()) < Limits.stackBytes
      else {
        throw Self.tooDeep
      }
      steps -= 1
      guard steps > 0 else { throw Self.exhausted }
      depth += 1
    }

    func ascend() { depth -= 1 }

    // MARK: Output

    func write(_ text: String) throws {
      guard output.utf8.count + text.utf8.count <= Limits.textBytes else {
        throw Failure(.limit, "an output of more than \(Limits.textBytes >> 20) MB")
      }
      try charge(bytes: text.utf8.count)
      output += text
    }

    /// Collects what `body` writes.
    func collecting<T>(_ body: () throws -> T) throws -> (text: String, result: T) {
      if bufferDepth == 0 { outerLength = output.utf8.count }
      bufferDepth += 1
      var outer = ""
      swap(&outer, &output)
      defer {
        bufferDepth -= 1
        swap(&outer, &output)
      }
      let result = try body()
      return (output, result)
    }

    /// Notes the assistant's text that is about to be written.
    ///
    /// Inside a macro or set block the place in the final text is not known yet; like transformers,
    /// the range then begins where that macro's text will.
    func noteAssistantText(_ text: String) {
      let start = bufferDepth == 0 ? output.utf8.count : outerLength
      assistantRanges.append(start..<start + text.utf8.count)
    }

    // MARK: Variables

    func keep(_ namespace: Namespace) { namespaces.append(namespace) }
    func keep(_ loop: LoopContext) { changingLoops.append(loop) }

    func makeFrame(_ layout: ScopeLayout, parent: Frame?) -> Frame {
      let frame = Frame(slotCount: layout.slotCount, parent: parent)
      if layout.hasClosures { frames.append(frame) }
      return frame
    }

    /// Evaluates in another frame.
    func within<T>(_ other: Frame, _ body: () throws -> T) rethrows -> T {
      let outer = frame
      frame = other
      defer { frame = outer }
      return try body()
    }

    func enter(_ layout: ScopeLayout) {
      for (slot, load) in layout.loads {
        switch load {
        case .parameter: break
        case .context(let name): frame.slots[slot] = variable(name)
        case .alias(let place): frame.slots[slot] = value(at: place)
        case .missing: frame.slots[slot] = .missing
        }
      }
    }

    func leave(_ layout: ScopeLayout) {
      for (slot, _) in layout.loads { frame.slots[slot] = .missing }
    }

    private func variable(_ name: String) -> Value {
      if let value = variables[name] { return value }
      return Globals.names.contains(name) ? .function(Function(global: name)) : .missing
    }

    private func value(at place: Place) -> Value {
      var holder = frame
      for _ in 0..<place.hops { holder = holder.parent ?? holder }
      return holder.slots[place.slot]
    }

    func value(of name: Name) -> Value {
      let value = value(at: program.places[name.id])
      if case .missing = value { return .undefined(Undefined(.name(name.text))) }
      return value
    }

    func store(_ value: Value, in name: Name) {
      frame.slots[program.places[name.id].slot] = value
      if program.published.contains(name.id) { variables[name.text] = value }
    }

    /// Assigns to a name, a namespace's attribute, or several at once.
    func assign(_ value: Value, to target: Target) throws {
      switch target {
      case .name(let name): store(value, in: name)
      case .attribute(let name, let attribute):
        let namespace = try namespace(name)
        try checkAttribute(attribute)
        try namespace.attributes.insert(.string(attribute), value)
      case .tuple(let parts):
        let values = try unpacked(value, count: parts.count)
        for (part, value) in zip(parts, values) { try assign(value, to: part) }
      }
    }

    /// The check that Jinja makes before it evaluates the right side.
    func checkAssignable(_ target: Target) throws {
      switch target {
      case .name: break
      case .attribute(let name, _): _ = try namespace(name)
      case .tuple(let parts): for part in parts { try checkAssignable(part) }
      }
    }

    private func namespace(_ name: Name) throws -> Namespace {
      guard case .namespace(let namespace) = value(at: program.places[name.id]) else {
        throw Failure(.runtime, "cannot assign attribute on non-namespace object")
      }
      return namespace
    }

    /// transformers keeps underscores out of namespaces.
    func checkAttribute(_ name: String) throws {
      guard !name.hasPrefix("_") else {
        throw Failure(
          .security,
          "Chat templates cannot store underscore-prefixed attributes on a namespace, but got"
            + " '\(name)'. Please rename the attribute.")
      }
    }

    private func unpacked(_ value: Value, count: Int) throws -> [Value] {
      var values: [Value] = []
      var cursor: Cursor
      do {
        cursor = try self.cursor(over: value)
      } catch let failure as Failure where failure.kind == .type {
        throw Failure(.type, "cannot unpack non-iterable \(value.typeName) object")
      }
      while values.count <= count, let element = try cursor.next() { values.append(element) }
      if values.count > count {
        throw Failure(.value, "too many values to unpack (expected \(count))")
      }
      if values.count < count {
        throw Failure(
          .value, "not enough values to unpack (expected \(count), got \(values.count))")
      }
      return values
    }
  }
}
