/// Reads HTML and XML as a stream of tags and texts, as forgiving as a browser: what is no tag is
/// text, and nothing has to be closed.
struct MarkupScanner {
  enum Item: Equatable {
    case text(String)
    /// A tag's name in lower case and its attributes; a tag that closes itself also gives `close`.
    case open(String, [String: String])
    case close(String)
  }

  private let bytes: [UInt8]
  private var position = 0
  private var pendingClose: String?

  init(_ text: String) { bytes = Array(text.utf8) }

  /// The next tag or text; nil at the end.
  mutating func next() -> Item? {
    if let name = pendingClose {
      pendingClose = nil
      return .close(name)
    }
    while position < bytes.count {
      if bytes[position] != UInt8(ascii: "<") { return text() }
      if starts("<!--") {
        skip(past: "-->")
      } else if starts("<![CDATA[") {
        return characterData()
      } else if starts("<!") || starts("<?") {
        skip(past: ">")
      } else if let tag = tag() {
        return tag
      } else {
        return text()
      }
    }
    return nil
  }

  /// Skips the contents of `script` and its like, which are no markup, and their closing tag.
  mutating func skipContents(of name: String) {
    if pendingClose == name {
      pendingClose = nil
      return
    }
    let closing = Array("</\(name)".utf8)
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: "<"), bytes.count - position >= closing.count,
        zip(bytes[position...], closing).allSatisfy({ Self.lowercase($0) == $1 })
      {
        skip(past: ">")
        return
      }
      position += 1
    }
  }

  private func starts(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

  private mutating func skip(past text: String) {
    let mark = Array(text.utf8)
    while position < bytes.count {
      if bytes[position] == mark[0], bytes[position...].starts(with: mark) {
        position += mark.count
        return
      }
      position += 1
    }
  }

  /// Text up to the next tag. Its first byte may be a `<` that begins no tag.
  private mutating func text() -> Item {
    let start = position
    position += 1
    while position < bytes.count, bytes[position] != UInt8(ascii: "<") { position += 1 }
    return .text(CharacterReferences.decoded(bytes[start..<position]))
  }

  private mutating func characterData() -> Item {
    let start = position + 9
    skip(past: "]]>")
    let isClosed = position <= bytes.count && bytes[..<position].suffix(3).elementsEqual("]]>".utf8)
    let end = max(start, isClosed ? position - 3 : position)
    return .text(String(decoding: bytes[min(start, end)..<end], as: UTF8.self))
  }

  private static func lowercase(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch lowercase(byte) {
    case 0x61...0x7A, 0x30...0x39, UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      0x80...:
      true
    default: false
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }

  /// A tag; nil, without moving, when there is none here.
  private mutating func tag() -> Item? {
    var cursor = position + 1
    let isClosing = cursor < bytes.count && bytes[cursor] == UInt8(ascii: "/")
    if isClosing { cursor += 1 }
    let nameStart = cursor
    guard cursor < bytes.count, (0x61...0x7A).contains(Self.lowercase(bytes[cursor])) else {
      return nil
    }
    while cursor < bytes.count, Self.isNameByte(bytes[cursor]) { cursor += 1 }
    let name = String(decoding: bytes[nameStart..<cursor].map(Self.lowercase), as: UTF8.self)
    var attributes: [String: String] = [:]
    while cursor < bytes.count, bytes[cursor] != UInt8(ascii: ">") {
      if bytes[cursor] == UInt8(ascii: "/"), cursor + 1 < bytes.count,
        bytes[cursor + 1] == UInt8(ascii: ">")
      {
        pendingClose = isClosing ? nil : name
        cursor += 1
      } else if Self.isNameByte(bytes[cursor]) {
        attribute(at: &cursor, into: &attributes)
      } else {
        cursor += 1
      }
    }
    position = min(cursor + 1, bytes.count)
    return isClosing ? .close(name) : .open(name, attributes)
  }

  private func attribute(at cursor: inout Int, into attributes: inout [String: String]) {
    let start = cursor
    while cursor < bytes.count, Self.isNameByte(bytes[cursor]) { cursor += 1 }
    let name = String(decoding: bytes[start..<cursor].map(Self.lowercase), as: UTF8.self)
    while cursor < bytes.count, Self.isSpace(bytes[cursor]) { cursor += 1 }
    guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: "=") else {
      attributes[name] = ""
      return
    }
    cursor += 1
    while cursor < bytes.count, Self.isSpace(bytes[cursor]) { cursor += 1 }
    guard cursor < bytes.count else { return }
    let quote = bytes[cursor]
    let valueStart: Int
    if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
      valueStart = cursor + 1
      cursor = valueStart
      while cursor < bytes.count, bytes[cursor] != quote { cursor += 1 }
      attributes[name] = CharacterReferences.decoded(bytes[valueStart..<cursor])
      cursor = min(cursor + 1, bytes.count)
    } else {
      valueStart = cursor
      while cursor < bytes.count, !Self.isSpace(bytes[cursor]), bytes[cursor] != UInt8(ascii: ">") {
        cursor += 1
      }
      attributes[name] = CharacterReferences.decoded(bytes[valueStart..<cursor])
    }
  }
}
