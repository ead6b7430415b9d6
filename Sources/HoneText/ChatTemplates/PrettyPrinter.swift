extension Jinja {
  /// Python's `pprint.pformat`: one line where 80 columns suffice, else one element a line.
  struct PrettyPrinter {
    let evaluator: Evaluator
    private var output = ""
    private static let width = 80

    init(evaluator: Evaluator) { self.evaluator = evaluator }

    mutating func formatted(_ value: Value) throws -> String {
      try write(try sorted(value), indent: 0, allowance: 0, isOuter: true)
      try evaluator.charge(text: output.utf8.count)
      return output
    }

    /// The value with every dictionary in the order of its keys.
    private func sorted(_ value: Value) throws -> Value {
      switch value {
      case .list(let items):
        try evaluator.charge(items.values.count * 4)
        return .list(try Items(try items.values.map(sorted)))
      case .tuple(let items):
        try evaluator.charge(items.values.count * 4)
        return .tuple(try Items(try items.values.map(sorted)))
      case .dict(let dictionary):
        try evaluator.charge(dictionary.count * 16)
        let keys = dictionary.keys
        let isComparable =
          keys.allSatisfy { $0.text != nil } || keys.allSatisfy { $0.number != nil }
        var order = Array(keys.indices)
        if isComparable { try order.sort { try evaluator.isLess(keys[$0], keys[$1]) } }
        let result = Dictionary()
        for index in order { try result.insert(keys[index], sorted(dictionary.values[index])) }
        return .dict(result)
      default: return value
      }
    }

    /// `allowance` is the room that closing brackets need behind the value.
    private mutating func write(
      _ value: Value, indent: Int, allowance: Int, isOuter: Bool = false
    ) throws {
      let line = try evaluator.representation(value)
      guard Text.count(line) > Self.width - indent - allowance else {
        output += line
        return
      }
      switch value {
      case .list(let items):
        try writeItems(items.values, "[", "]", indent: indent, allowance: allowance)
      case .tuple(let items):
        let close = items.values.count == 1 ? ",)" : ")"
        try writeItems(items.values, "(", close, indent: indent, allowance: allowance)
      case .dict(let dictionary):
        output += "{"
        for (index, (key, value)) in zip(dictionary.keys, dictionary.values).enumerated() {
          if index > 0 { output += ",\n" + String(repeating: " ", count: indent + 1) }
          let name = try evaluator.representation(key) + ": "
          output += name
          try write(
            value, indent: indent + 1 + Text.count(name),
            allowance: index == dictionary.count - 1 ? allowance + 1 : 1)
        }
        output += "}"
      case .string(let text):
        try writeText(text, indent: indent, allowance: allowance, isOuter: isOuter, line)
      default: output += line
      }
    }

    private mutating func writeItems(
      _ values: [Value], _ open: String, _ close: String, indent: Int, allowance: Int
    ) throws {
      output += open
      for (index, value) in values.enumerated() {
        if index > 0 { output += ",\n" + String(repeating: " ", count: indent + 1) }
        let isLast = index == values.count - 1
        try write(
          value, indent: indent + 1, allowance: isLast ? allowance + close.utf8.count : 1)
      }
      output += close
    }

    /// A long text as several literals, broken behind lines and then behind spaces.
    private mutating func writeText(
      _ text: String, indent: Int, allowance: Int, isOuter: Bool, _ whole: String
    ) throws {
      let indent = isOuter ? indent + 1 : indent
      let allowance = isOuter ? allowance + 1 : allowance
      let room = Self.width - indent
      let shown = { [evaluator] (text: String) in try evaluator.representation(.string(text)) }
      var pieces: [String] = []
      let lines = Text.lines(text, keepingEnds: true)
      for (index, line) in lines.enumerated() {
        let isLastLine = index == lines.count - 1
        let literal = try shown(line)
        if Text.count(literal) <= room - (isLastLine ? allowance : 0) {
          pieces.append(literal)
          continue
        }
        var current = ""
        let words = PrettyPrinter.words(line)
        for (number, word) in words.enumerated() {
          let isLast = isLastLine && number == words.count - 1
          let candidate = current + word
          if Text.count(try shown(candidate)) > room - (isLast ? allowance : 0) {
            if !current.isEmpty { pieces.append(try shown(current)) }
            current = word
          } else {
            current = candidate
          }
        }
        if !current.isEmpty { pieces.append(try shown(current)) }
      }
      guard pieces.count > 1 else {
        output += pieces.first ?? whole
        return
      }
      let body = pieces.joined(separator: "\n" + String(repeating: " ", count: indent))
      output += isOuter ? "(" + body + ")" : body
    }

    /// Words with the white space that follows them.
    private static func words(_ line: String) -> [String] {
      var words: [String] = []
      var rest = line.unicodeScalars[...]
      while !rest.isEmpty {
        let space = rest.firstIndex(where: Text.isSpace) ?? rest.endIndex
        let next = rest[space...].firstIndex { !Text.isSpace($0) } ?? rest.endIndex
        words.append(String(rest[..<next]))
        rest = rest[next...]
      }
      return words
    }
  }
}
