/// The words of a text: runs of letters and digits, with apostrophes and hyphens inside them.
/// Ideographs and kana, which are written without spaces, are a word each.
package enum Words {
  /// The words as they stand.
  package static func of(_ text: some StringProtocol) -> [Substring] {
    let text = Substring(text)
    let scalars = text.unicodeScalars
    var words: [Substring] = []
    var start: String.Index?
    var index = scalars.startIndex
    func end(at end: String.Index) {
      if let begin = start { words.append(text[begin..<end]) }
      start = nil
    }
    while index < scalars.endIndex {
      let scalar = scalars[index]
      let next = scalars.index(after: index)
      if isIdeograph(scalar) {
        end(at: index)
        words.append(text[index..<next])
      } else if isLetter(scalar) {
        if start == nil { start = index }
      } else if !(isJoiner(scalar) && start != nil && next < scalars.endIndex
        && isLetter(scalars[next]))
      {
        end(at: index)
      }
      index = next
    }
    end(at: scalars.endIndex)
    return words
  }

  /// The words in lower case, with the same apostrophes.
  package static func lowercased(_ text: some StringProtocol) -> [String] {
    of(text).map { $0.lowercased().replacing("’", with: "'") }
  }

  /// How many words a text has.
  package static func count(_ text: some StringProtocol) -> Int { of(text).count }

  static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII {
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9": return true
      default: return false
      }
    }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark, .decimalNumber:
      return true
    default: return false
    }
  }

  private static func isJoiner(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "'" || scalar == "’" || scalar == "-"
  }

  static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x3040...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF: true
    default: false
    }
  }
}
