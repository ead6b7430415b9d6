/// Finds where sentences begin and end: knows abbreviations, initials, numbered lists, tables and
/// paragraphs, and cuts nothing else.
///
/// Every byte belongs to a sentence; white space belongs to the one before it.
package enum SentenceSplitter {
  /// Words before a full stop that end no sentence, in lower case without the stop: English, then
  /// German, French and Spanish.
  private static let abbreviations: Set<String> = [
    "mr", "mrs", "ms", "dr", "prof", "st", "mt", "rev", "hon", "capt", "col", "gen", "lt", "sgt",
    "no", "nos", "vs", "e.g", "i.e", "cf", "fig", "figs", "sec", "vol", "pp", "p", "ch", "art",
    "approx", "ca", "c", "al", "ed", "eds", "ext", "tel", "dept", "est", "min", "max", "resp",
    "viz", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    "z.b", "d.h", "u.a", "o.ä", "bzw", "nr", "abs", "vgl", "ggf", "evtl", "inkl", "zzgl", "str",
    "hr", "fr", "bspw", "sog", "mme", "mlle", "sr", "sra", "p.ex", "pág", "núm",
  ]
  /// Abbreviations that do end a sentence when a capital letter follows.
  private static let finalAbbreviations: Set<String> = [
    "etc", "inc", "ltd", "co", "corp", "jr", "usw", "a.m", "p.m", "u.s", "ph.d",
  ]

  private static let closers: Set<Unicode.Scalar> = [
    "\"", "'", ")", "]", "}", "”", "’", "»", "“", "*", "_", "`",
  ]

  /// The sentences of a text as ranges of its UTF-8 bytes, in order and without gaps.
  package static func ranges(in text: String) -> [Range<Int>] {
    var splitter = Splitter(Array(text.unicodeScalars))
    return splitter.ranges()
  }

  /// The sentences of a text without the white space around them.
  package static func sentences(of text: String) -> [String] {
    let bytes = Array(text.utf8)
    return ranges(in: text).map { String(decoding: bytes[$0], as: UTF8.self).trimmed }
      .filter { !$0.isEmpty }
  }

  private struct Splitter {
    let scalars: [Unicode.Scalar]
    var found: [Range<Int>] = []
    /// Where the current sentence began, in scalars and in bytes.
    var start = 0
    var startByte = 0
    var byte = 0

    init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    mutating func ranges() -> [Range<Int>] {
      var index = 0
      while index < scalars.count {
        let scalar = scalars[index]
        byte += UTF8.width(scalar)
        index += 1
        switch scalar {
        case "\n" where endsLine(at: index): endSentence(at: &index)
        case "。", "！", "？": endSentence(at: &index)
        case ".", "!", "?", "…":
          var end = index
          while end < scalars.count, ".!?…".unicodeScalars.contains(scalars[end]) { end += 1 }
          while end < scalars.count, closers.contains(scalars[end]) { end += 1 }
          guard end < scalars.count, scalars[end].properties.isWhitespace,
            endsSentence(mark: index - 1, space: end)
          else { continue }
          advance(&index, to: end)
          endSentence(at: &index)
        default: break
        }
      }
      if start < scalars.count { found.append(startByte..<byte) }
      return found
    }

    private mutating func advance(_ index: inout Int, to end: Int) {
      while index < end {
        byte += UTF8.width(scalars[index])
        index += 1
      }
    }

    private mutating func endSentence(at index: inout Int) {
      var end = index
      while end < scalars.count, scalars[end].properties.isWhitespace { end += 1 }
      // The indentation of a list's item belongs to the item, its line end to what is before.
      if end < scalars.count, let line = scalars[index..<end].lastIndex(of: "\n") {
        end = max(index, line + 1)
      }
      advance(&index, to: end)
      found.append(startByte..<byte)
      (start, startByte) = (index, byte)
    }

    /// Whether the line end before `index` ends a sentence: before an empty line, an item or a row.
    private func endsLine(at index: Int) -> Bool {
      let rest = scalars[index...]
      let line = rest.prefix { $0 != "\n" }
      return line.allSatisfy(\.properties.isWhitespace)
        || String(String.UnicodeScalarView(line.prefix(40))).isListItem
    }

    /// Whether the mark at `mark`, with a space at `space`, ends a sentence.
    private func endsSentence(mark: Int, space: Int) -> Bool {
      var next = space
      while next < scalars.count, scalars[next].properties.isWhitespace { next += 1 }
      guard next < scalars.count else { return true }
      let follows = scalars[next].properties
      guard scalars[mark] == "." else { return !follows.isLowercase }
      let word = self.word(before: mark)
      let lower = word.lowercased()
      if follows.isLowercase { return false }
      if abbreviations.contains(lower) { return false }
      if finalAbbreviations.contains(lower) { return follows.isUppercase }
      let letters = word.unicodeScalars
      // An initial, as in J. Smith.
      if letters.count == 1, letters.first?.properties.isUppercase == true, lower != "i" {
        return false
      }
      // The number of an item, at the beginning of the sentence.
      if letters.allSatisfy({ ("0"..."9").contains($0) || $0 == "." }),
        mark - letters.count == firstWord
      {
        return false
      }
      return true
    }

    /// Where the current sentence's first character stands that is no white space.
    private var firstWord: Int {
      var index = start
      while index < scalars.count, scalars[index].properties.isWhitespace { index += 1 }
      return index
    }

    /// The letters, digits and inner stops before a mark.
    private func word(before mark: Int) -> String {
      var index = mark
      while index > start {
        let properties = scalars[index - 1].properties
        guard properties.isAlphabetic || properties.numericType != nil || scalars[index - 1] == "."
        else { break }
        index -= 1
      }
      return String(String.UnicodeScalarView(scalars[index..<mark]))
    }
  }
}
