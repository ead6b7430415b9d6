import HoneFormats

/// Bytes of a text file as text, whatever encoding they are in.
package struct TextDecoding: Equatable, Sendable {
  package enum Encoding: String, Sendable {
    case utf8 = "UTF-8"
    case utf16 = "UTF-16"
    /// Latin-1 with the letters that Windows puts where Latin-1 has control characters.
    case latin1 = "Latin-1"
  }

  /// Without byte order mark, with `\n` at line ends.
  package let text: String
  package let encoding: Encoding

  /// Decodes bytes: UTF-16 when a byte order mark says so, else UTF-8, else Latin-1, in which every
  /// sequence of bytes is a text; that the last was needed is for the caller to report.
  ///
  /// - Throws: ``SynthesisError`` when the bytes are no text.
  package init(_ bytes: [UInt8], path: String) throws {
    let decoded: String
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      decoded = try Self.utf16(bytes.dropFirst(2), isBigEndian: bytes[0] == 0xFE, path: path)
      encoding = .utf16
    } else {
      let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
      try Self.checkText(bytes, path: path)
      if let text = String(validating: bytes.dropFirst(hasMark ? 3 : 0), as: UTF8.self) {
        (decoded, encoding) = (text, .utf8)
      } else {
        decoded = String(String.UnicodeScalarView(bytes.map(Self.windowsLetter)))
        encoding = .latin1
      }
    }
    text = Self.withPlainLineEnds(decoded)
  }

  /// Text has no NUL, and next to no other control characters.
  private static func checkText(_ bytes: [UInt8], path: String) throws {
    var controls = 0
    for byte in bytes where byte < 0x20 {
      switch byte {
      case 0:
        throw SynthesisError(
          path, problem: "is not a text: it holds bytes of 0",
          advice: "if it is a text in UTF-16, save it as UTF-8")
      case 0x09, 0x0A, 0x0C, 0x0D, 0x1B: break
      default: controls += 1
      }
    }
    guard controls * 100 <= bytes.count else {
      throw SynthesisError(
        path,
        problem: "is not a text: \(controls) of its \(bytes.count) bytes are control characters"
      )
    }
  }

  private static func utf16(
    _ bytes: ArraySlice<UInt8>, isBigEndian: Bool, path: String
  ) throws -> String {
    guard bytes.count.isMultiple(of: 2) else {
      throw SynthesisError(
        path, problem: "begins as UTF-16, but has an odd number of bytes",
        advice: "it was cut short: save it again")
    }
    let start = bytes.startIndex
    let units = stride(from: start, to: bytes.endIndex, by: 2).map { index -> UInt16 in
      let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
      return isBigEndian ? first << 8 | second : second << 8 | first
    }
    guard let text = String(validating: units, as: UTF16.self) else {
      throw SynthesisError(
        path, problem: "begins as UTF-16, but is not", advice: "save it as UTF-8")
    }
    return text
  }

  private static func withPlainLineEnds(_ text: String) -> String {
    // In Swift, "\r\n" is one character, so that bytes are compared.
    guard text.utf8.contains(0x0D) else { return text }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var previous: UInt8 = 0
    for byte in text.utf8 {
      if byte == 0x0D {
        bytes.append(0x0A)
      } else if byte != 0x0A || previous != 0x0D {
        bytes.append(byte)
      }
      previous = byte
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What Windows-1252 has at 0x80...0x9F; where it has nothing, Latin-1's control characters stay.
  private static let windowsLetters: [Unicode.Scalar] = Array(
    "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}Ž\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}žŸ".unicodeScalars)

  private static func windowsLetter(_ byte: UInt8) -> Unicode.Scalar {
    (0x80...0x9F).contains(byte) ? windowsLetters[Int(byte) - 0x80] : Unicode.Scalar(byte)
  }
}
