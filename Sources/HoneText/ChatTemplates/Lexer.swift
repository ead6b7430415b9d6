extension Jinja {
  /// One word of a template's source.
  struct Token {
    enum Kind: Equatable {
      case data, blockBegin, blockEnd, variableBegin, variableEnd
      case name, string
      case integer(Int)
      case float(Double)
      case symbol, end
    }

    var kind: Kind
    /// The text: of data as it is printed, of a string without quotes and escapes.
    var text: String
    var line: Int
    var column: Int

    func isSymbol(_ symbol: String) -> Bool { kind == .symbol && text == symbol }
    func isName(_ name: String) -> Bool { kind == .name && text == name }

    /// How errors call the token.
    var description: String {
      switch kind {
      case .data: "template data / text"
      case .blockBegin: "begin of statement block"
      case .blockEnd: "end of statement block"
      case .variableBegin: "begin of print statement"
      case .variableEnd: "end of print statement"
      case .end: "end of template"
      case .string: "string"
      case .integer: "integer"
      case .float: "float"
      case .name, .symbol: text
      }
    }
  }

  /// Splits a source into tokens with `trim_blocks` and `lstrip_blocks` in force: the first newline
  /// after a block tag goes, and so does the white space before one that begins a line.
  struct Lexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var tokens: [Token] = []
    private var lineStarts = LineCounter()
    /// Whether the last piece consumed ended with a newline, so that a tag may begin the line.
    private var lineStarting = true

    static func tokens(of source: String) throws -> [Token] {
      var lexer = Lexer(source)
      try lexer.root()
      lexer.emit(.end, "", at: lexer.source.count)
      return lexer.tokens
    }

    private init(_ text: String) {
      var scalars: [Unicode.Scalar] = []
      scalars.reserveCapacity(text.utf8.count)
      var previous: Unicode.Scalar = " "
      for scalar in text.unicodeScalars {
        if scalar == "\n", previous == "\r" {
          previous = scalar
          continue
        }
        scalars.append(scalar == "\r" ? "\n" : scalar)
        previous = scalar
      }
      if scalars.last == "\n" { scalars.removeLast() }
      source = scalars
    }

    // MARK: Places

    private struct LineCounter {
      var line = 1
      var start = 0
      var scanned = 0
    }

    private mutating func emit(_ kind: Token.Kind, _ text: String, at offset: Int) {
      while lineStarts.scanned < offset {
        if source[lineStarts.scanned] == "\n" {
          lineStarts.line += 1
          lineStarts.start = lineStarts.scanned + 1
        }
        lineStarts.scanned += 1
      }
      tokens.append(
        Token(
          kind: kind, text: text, line: lineStarts.line, column: offset - lineStarts.start + 1))
    }

    private func fault(_ message: String, at offset: Int) -> SyntaxFault {
      let before = source[..<offset]
      let line = before.count { $0 == "\n" } + 1
      let start = (before.lastIndex(of: "\n") ?? -1) + 1
      return SyntaxFault(message: message, line: line, column: offset - start + 1)
    }

    private func text(_ range: Range<Int>) -> String {
      var view = String.UnicodeScalarView()
      view.append(contentsOf: source[range])
      return String(view)
    }

    private func matches(_ word: String, at offset: Int) -> Bool {
      var index = offset
      for scalar in word.unicodeScalars {
        guard index < source.count, source[index] == scalar else { return false }
        index += 1
      }
      return true
    }

    private func skippingSpace(from offset: Int) -> Int {
      var index = offset
      while index < source.count, Text.isSpace(source[index]) { index += 1 }
      return index
    }

    // MARK: Text between tags

    private mutating func root() throws {
      while position < source.count {
        let start = position
        guard let tag = nextTag(from: start) else {
          emit(.data, text(start..<source.count), at: start)
          position = source.count
          return
        }
        if let raw = rawBegin(at: tag) {
          emitData(start..<tag, sign: raw.sign, isVariable: false)
          lineStarting = source[raw.end - 1] == "\n"
          try rawBody(from: raw.end, opened: tag)
          continue
        }
        let mark = source[tag + 1]
        let sign = sign(at: tag + 2)
        emitData(start..<tag, sign: sign, isVariable: mark == "{")
        lineStarting = false
        position = tag + 2 + (sign == nil ? 0 : 1)
        switch mark {
        case "#": try comment(opened: tag)
        case "{":
          emit(.variableBegin, "{{", at: tag)
          try code(isBlock: false)
        default:
          emit(.blockBegin, "{%", at: tag)
          try code(isBlock: true)
        }
      }
    }

    private func nextTag(from start: Int) -> Int? {
      var index = start
      while index + 1 < source.count {
        if source[index] == "{" {
          let next = source[index + 1]
          if next == "{" || next == "%" || next == "#" { return index }
        }
        index += 1
      }
      return nil
    }

    private func sign(at offset: Int) -> Unicode.Scalar? {
      guard offset < source.count, source[offset] == "-" || source[offset] == "+" else {
        return nil
      }
      return source[offset]
    }

    private mutating func emitData(
      _ range: Range<Int>, sign: Unicode.Scalar?, isVariable: Bool
    ) {
      var end = range.upperBound
      if sign == "-" {
        while end > range.lowerBound, Text.isSpace(source[end - 1]) { end -= 1 }
      } else if sign == nil, !isVariable {
        let newline = source[range].lastIndex(of: "\n")
        if newline != nil || lineStarting {
          let lineStart = newline.map { $0 + 1 } ?? range.lowerBound
          if source[lineStart..<end].allSatisfy(Text.isSpace) { end = lineStart }
        }
      }
      if end > range.lowerBound {
        emit(.data, text(range.lowerBound..<end), at: range.lowerBound)
      }
    }

    private mutating func comment(opened: Int) throws {
      var index = position
      while index + 1 < source.count {
        if source[index] == "#", source[index + 1] == "}" {
          let stripped = index > position && source[index - 1] == "-"
          let kept = index > position && source[index - 1] == "+"
          position = index + 2
          if stripped {
            position = skippingSpace(from: position)
          } else if !kept {
            trimNewline()
          }
          lineStarting = source[position - 1] == "\n"
          return
        }
        index += 1
      }
      // Jinja lets a mark at the very end pass.
      guard position < source.count else { return }
      throw fault("Missing end of comment tag", at: opened)
    }

    private mutating func trimNewline() {
      if position < source.count, source[position] == "\n" { position += 1 }
    }

    private func rawBegin(at tag: Int) -> (sign: Unicode.Scalar?, end: Int)? {
      guard source[tag + 1] == "%" else { return nil }
      let sign = sign(at: tag + 2)
      var index = skippingSpace(from: tag + 2 + (sign == nil ? 0 : 1))
      guard matches("raw", at: index) else { return nil }
      index = skippingSpace(from: index + 3)
      if matches("-%}", at: index) { return (sign, skippingSpace(from: index + 3)) }
      return matches("%}", at: index) ? (sign, index + 2) : nil
    }

    private mutating func rawBody(from start: Int, opened: Int) throws {
      var tag = start
      while tag + 1 < source.count {
        defer { tag += 1 }
        guard source[tag] == "{", source[tag + 1] == "%" else { continue }
        let sign = sign(at: tag + 2)
        var index = skippingSpace(from: tag + 2 + (sign == nil ? 0 : 1))
        guard matches("endraw", at: index) else { continue }
        index = skippingSpace(from: index + 6)
        let isKept = matches("+%}", at: index)
        let isStripped = matches("-%}", at: index)
        guard isKept || isStripped || matches("%}", at: index) else { continue }
        emitData(start..<tag, sign: sign, isVariable: false)
        position = index + (isKept || isStripped ? 3 : 2)
        if isStripped {
          position = skippingSpace(from: position)
        } else if !isKept {
          trimNewline()
        }
        lineStarting = source[position - 1] == "\n"
        return
      }
      guard start < source.count else {
        position = start
        return
      }
      throw fault("Missing end of raw directive", at: opened)
    }

    // MARK: Inside tags

    private mutating func code(isBlock: Bool) throws {
      var brackets: [Unicode.Scalar] = []
      while position < source.count {
        if brackets.isEmpty, endTag(isBlock: isBlock) { return }
        let start = position
        let scalar = source[start]
        if Text.isSpace(scalar) {
          position = skippingSpace(from: start)
        } else if let end = floatEnd(from: start) {
          let digits = text(start..<end).filter { $0 != "_" }
          emit(.float(Double(digits) ?? .infinity), digits, at: start)
          position = end
        } else if scalar.isDigit {
          try integer(from: start)
        } else if Text.isWord(scalar) {
          while position < source.count, Text.isWord(source[position]) { position += 1 }
          emit(.name, text(start..<position), at: start)
        } else if scalar == "'" || scalar == "\"", let end = stringEnd(from: start) {
          let value = try unescaped(start + 1..<end)
          emit(.string, value, at: start)
          position = end + 1
        } else {
          try symbol(brackets: &brackets)
        }
      }
    }

    private mutating func endTag(isBlock: Bool) -> Bool {
      let start = position
      if isBlock {
        if matches("-%}", at: start) {
          position = skippingSpace(from: start + 3)
        } else if matches("+%}", at: start) {
          position = start + 3
        } else if matches("%}", at: start) {
          position = start + 2
          trimNewline()
        } else {
          return false
        }
        emit(.blockEnd, "%}", at: start)
      } else {
        if matches("-}}", at: start) {
          position = skippingSpace(from: start + 3)
        } else if matches("}}", at: start) {
          position = start + 2
        } else {
          return false
        }
        emit(.variableEnd, "}}", at: start)
      }
      lineStarting = source[position - 1] == "\n"
      return true
    }

    private mutating func symbol(brackets: inout [Unicode.Scalar]) throws {
      let start = position
      let pairs = ["//", "**", "==", "!=", ">=", "<="]
      if let pair = pairs.first(where: { matches($0, at: start) }) {
        emit(.symbol, pair, at: start)
        position += 2
        return
      }
      let scalar = source[start]
      switch scalar {
      case "{": brackets.append("}")
      case "(": brackets.append(")")
      case "[": brackets.append("]")
      case "}", ")", "]":
        guard let expected = brackets.popLast() else {
          throw fault("unexpected '\(scalar)'", at: start)
        }
        guard expected == scalar else {
          throw fault("unexpected '\(scalar)', expected '\(expected)'", at: start)
        }
      case "+", "-", "/", "*", "%", "~", ">", "<", "=", ".", ":", "|", ",", ";": break
      default:
        let shown = Value.string(String(scalar)).representation(limit: 64)
        throw fault("unexpected char \(shown)", at: start)
      }
      emit(.symbol, String(scalar), at: start)
      position += 1
    }
  }
}

extension Unicode.Scalar {
  fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
}

// MARK: - Literals

extension Jinja.Lexer {
  /// Digits with single underscores between them.
  private func digitsEnd(from start: Int) -> Int? {
    guard start < source.count, source[start].isDigit else { return nil }
    var index = start + 1
    while index < source.count {
      if source[index].isDigit {
        index += 1
      } else if source[index] == "_", index + 1 < source.count, source[index + 1].isDigit {
        index += 2
      } else {
        break
      }
    }
    return index
  }

  private func floatEnd(from start: Int) -> Int? {
    guard start == 0 || source[start - 1] != ".", let whole = digitsEnd(from: start) else {
      return nil
    }
    var end = whole
    if end < source.count, source[end] == ".", let fraction = digitsEnd(from: end + 1) {
      end = fraction
    }
    if end < source.count, source[end] == "e" || source[end] == "E" {
      var index = end + 1
      if index < source.count, source[index] == "+" || source[index] == "-" { index += 1 }
      if let exponent = digitsEnd(from: index) { end = exponent }
    }
    return end == whole ? nil : end
  }

  private mutating func integer(from start: Int) throws {
    let radixes: [(String, Int)] = [("0b", 2), ("0o", 8), ("0x", 16)]
    for (prefix, radix) in radixes
    where matches(prefix, at: start) || matches(prefix.uppercased(), at: start) {
      var index = start + 2
      while index < source.count {
        if isDigit(index, radix) {
          index += 1
        } else if source[index] == "_", isDigit(index + 1, radix) {
          index += 2
        } else {
          break
        }
      }
      if index > start + 2 { return try emitInteger(start..<index, skipping: 2, radix: radix) }
    }
    var end = digitsEnd(from: start) ?? start + 1
    if source[start] == "0" {
      end = start + 1
      while end < source.count, source[end] == "0" { end += 1 }
    }
    try emitInteger(start..<end, skipping: 0, radix: 10)
  }

  private func isDigit(_ index: Int, _ radix: Int) -> Bool {
    index < source.count && Int(String(source[index]), radix: radix) != nil
  }

  private mutating func emitInteger(_ range: Range<Int>, skipping: Int, radix: Int) throws {
    let digits = text(range.lowerBound + skipping..<range.upperBound).filter { $0 != "_" }
    guard let value = Int(digits, radix: radix) else {
      throw fault("an integer of more than 64 bits", at: range.lowerBound)
    }
    emit(.integer(value), text(range), at: range.lowerBound)
    position = range.upperBound
  }

  private func stringEnd(from start: Int) -> Int? {
    let quote = source[start]
    var index = start + 1
    while index < source.count {
      if source[index] == quote { return index }
      index += source[index] == "\\" ? 2 : 1
    }
    return nil
  }

  /// Python's escapes; an unknown one keeps its backslash.
  private func unescaped(_ range: Range<Int>) throws -> String {
    guard source[range].contains("\\") else { return text(range) }
    var result = String.UnicodeScalarView()
    var index = range.lowerBound
    while index < range.upperBound {
      guard source[index] == "\\", index + 1 < range.upperBound else {
        result.append(source[index])
        index += 1
        continue
      }
      let letter = source[index + 1]
      index += 2
      switch letter {
      case "\n": break
      case "\\", "'", "\"": result.append(letter)
      case "a": result.append("\u{07}")
      case "b": result.append("\u{08}")
      case "f": result.append("\u{0C}")
      case "n": result.append("\n")
      case "r": result.append("\r")
      case "t": result.append("\t")
      case "v": result.append("\u{0B}")
      case "x": result.append(try coded(&index, range, digits: 2, name: "\\xXX"))
      case "u": result.append(try coded(&index, range, digits: 4, name: "\\uXXXX"))
      case "U": result.append(try coded(&index, range, digits: 8, name: "\\UXXXXXXXX"))
      case "0"..."7":
        var value = letter.value - 0x30
        var count = 1
        while count < 3, index < range.upperBound, ("0"..."7").contains(source[index]) {
          value = value * 8 + source[index].value - 0x30
          index += 1
          count += 1
        }
        result.append(Unicode.Scalar(value) ?? "\u{FFFD}")
      default:
        result.append("\\")
        result.append(letter)
      }
    }
    return String(result)
  }

  private func coded(
    _ index: inout Int, _ range: Range<Int>, digits: Int, name: String
  ) throws -> Unicode.Scalar {
    let start = index
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard index < range.upperBound, let digit = Int(String(source[index]), radix: 16) else {
        throw fault("truncated \(name) escape", at: start - 2)
      }
      value = value << 4 | UInt32(digit)
      index += 1
    }
    guard value <= 0x10FFFF else { throw fault("illegal Unicode character", at: start - 2) }
    // Half of a surrogate pair has no UTF-8 form.
    return Unicode.Scalar(value) ?? "\u{FFFD}"
  }
}
