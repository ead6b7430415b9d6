extension Jinja.Filters {
  private typealias Text = Jinja.Text

  /// Python's `textwrap` over each line of the text.
  @Sendable static func wordwrap(
    _ evaluator: Evaluator, _ value: Value, _ arguments: Arguments
  ) throws -> Value {
    var reader = arguments.reader("do_wordwrap")
    let width = try reader.integer("width", default: 79)
    let breaksWords = try reader.bool("break_long_words", default: true)
    let separator = try reader.optionalText("wrapstring") ?? "\n"
    let breaksHyphens = try reader.bool("break_on_hyphens", default: true)
    try reader.finish()
    guard let text = value.text else {
      if case .undefined(let undefined) = value { throw undefined.failure }
      throw Failure(.attribute, "'\(value.typeName)' object has no attribute 'splitlines'")
    }
    guard width > 0 else { throw Failure(.value, "invalid width \(width) (must be > 0)") }
    try evaluator.charge(text.utf8.count)
    let lines = Text.lines(text).map { line in
      wrapped(chunks(line, breaksHyphens: breaksHyphens), width: width, breaksWords: breaksWords)
    }
    let joined = try lines.map { try evaluator.join($0.map { .string($0) }, separator) }
    return .string(try evaluator.join(joined.map { .string($0) }, separator))
  }

  private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || (0x09...0x0D).contains(scalar.value)
  }

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    Text.isWord(scalar) && !Text.isDecimal(scalar)
  }

  /// Runs of white space, and words, which may also end behind a hyphen between letters.
  private static func chunks(
    _ line: String, breaksHyphens: Bool
  ) -> [[Unicode.Scalar]] {
    var chunks: [[Unicode.Scalar]] = []
    let scalars = Array(line.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      let continues =
        index > 0 && isBlank(scalars[index - 1]) == isBlank(scalar)
        && !(breaksHyphens && isBreakable(scalars, before: index))
      if continues {
        chunks[chunks.count - 1].append(scalar)
      } else {
        chunks.append([scalar])
      }
    }
    return chunks
  }

  /// Whether a word may break here, the character before being its hyphen.
  private static func isBreakable(_ scalars: [Unicode.Scalar], before index: Int) -> Bool {
    let letter = { (at: Int) in scalars.indices.contains(at) && isLetter(scalars[at]) }
    guard scalars[index - 1] == "-" else { return false }
    let follows =
      letter(index)
      && (letter(index + 1)
        || (scalars.indices.contains(index + 1) && scalars[index + 1] == "-"
          && letter(index + 2)))
    let precedes =
      letter(index - 2)
      && (letter(index - 3)
        || (index >= 4 && scalars[index - 3] == "-" && letter(index - 4)))
    return follows && precedes
  }

  private static func wrapped(
    _ chunks: [[Unicode.Scalar]], width: Int, breaksWords: Bool
  ) -> [String] {
    var lines: [String] = []
    var rest = chunks[...]
    while !rest.isEmpty {
      var line: [[Unicode.Scalar]] = []
      var length = 0
      if !lines.isEmpty, let first = rest.first, first.allSatisfy(isBlank) { rest.removeFirst() }
      while let next = rest.first, length + next.count <= width {
        line.append(rest.removeFirst())
        length += next.count
      }
      if let next = rest.first, next.count > width {
        if breaksWords {
          let room = Swift.max(width - length, 1)
          line.append(Array(next.prefix(room)))
          rest[rest.startIndex] = Array(next.dropFirst(room))
        } else if line.isEmpty {
          line.append(rest.removeFirst())
        }
      }
      if let last = line.last, last.allSatisfy(isBlank) { line.removeLast() }
      if !line.isEmpty { lines.append(Text.string(line.joined())) }
    }
    return lines
  }
}
