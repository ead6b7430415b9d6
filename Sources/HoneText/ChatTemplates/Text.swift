#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Jinja {
  /// Text as Python sees it: a sequence of code points, compared without normalisation.
  ///
  /// Swift's own `String` compares by canonical equivalence and counts grapheme clusters, so nothing
  /// here uses its `Character` view or its `==`.
  enum Text {
    // MARK: Character classes

    /// `str.isspace` for one character; also what `\s` matches.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0x20, 0x09...0x0D, 0x1C...0x1F: true
      case 0..<0x80: false
      case 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
      default: false
      }
    }

    /// What `\w` matches.
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
      case 0..<0x80: false
      default: isAlphanumeric(scalar)
      }
    }

    static func isAlphabetic(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
        true
      default: false
      }
    }

    static func isDecimal(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.generalCategory == .decimalNumber
    }

    static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.properties.numericType {
      case .decimal, .digit: true
      default: false
      }
    }

    static func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.numericType != nil
    }

    static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
      isAlphabetic(scalar) || isNumeric(scalar)
    }

    static func isUppercase(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isUppercase }
    static func isLowercase(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isLowercase }
    static func isTitlecase(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.generalCategory == .titlecaseLetter
    }

    static func isCased(_ scalar: Unicode.Scalar) -> Bool {
      isUppercase(scalar) || isLowercase(scalar) || isTitlecase(scalar)
    }

    /// Whether `repr` shows the character itself.
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
      if scalar.isASCII { return (0x20..<0x7F).contains(scalar.value) }
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
        .paragraphSeparator, .spaceSeparator:
        return false
      default: return true
      }
    }

    /// The line boundaries of `str.splitlines`.
    static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
      default: false
      }
    }

    // MARK: Comparison

    static func areEqual(_ a: String, _ b: String) -> Bool {
      guard a.utf8.count == b.utf8.count else { return false }
      return compare(a, b) == 0
    }

    /// The order of code points, which is that of UTF-8's bytes.
    static func isLess(_ a: String, _ b: String) -> Bool {
      let order = compare(a, b)
      return order == 0 ? a.utf8.count < b.utf8.count : order < 0
    }

    /// The order of as many bytes as both have. The library's own comparison of bytes takes ten times
    /// as long.
    private static func compare(_ a: String, _ b: String) -> Int32 {
      var (a, b) = (a, b)
      return a.withUTF8 { a in
        b.withUTF8 { b in
          guard let first = a.baseAddress, let second = b.baseAddress else { return 0 }
          return memcmp(first, second, min(a.count, b.count))
        }
      }
    }

    // MARK: Positions

    static func isASCII(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }

    static func count(_ text: String) -> Int {
      // Every code point has one byte that is not a continuation byte.
      text.utf8.reduce(into: 0) { $0 += $1 & 0xC0 == 0x80 ? 0 : 1 }
    }

    /// The code points in a range of positions.
    static func slice(_ text: String, _ range: Range<Int>) -> String {
      if range.isEmpty { return "" }
      let scalars = text.unicodeScalars
      let start = scalars.index(scalars.startIndex, offsetBy: range.lowerBound)
      let end = scalars.index(start, offsetBy: range.count)
      return String(scalars[start..<end])
    }

    static func characters(_ text: String) -> [String] {
      text.unicodeScalars.map { String($0) }
    }

    static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
      var view = String.UnicodeScalarView()
      view.append(contentsOf: scalars)
      return String(view)
    }

    // MARK: Searching, in bytes

    /// Byte offsets of the occurrences of a text that is not empty, from left to right.
    static func occurrences(
      of needle: String, in text: String, limit: Int = .max
    ) -> [Int] {
      var text = text
      var needle = needle
      return text.withUTF8 { haystack in
        needle.withUTF8 { needle in
          var found: [Int] = []
          var start = 0
          while found.count < limit, let offset = find(needle, in: haystack, from: start) {
            found.append(offset)
            start = offset + needle.count
          }
          return found
        }
      }
    }

    static func contains(_ text: String, _ needle: String) -> Bool {
      needle.isEmpty || !occurrences(of: needle, in: text, limit: 1).isEmpty
    }

    private static func find(
      _ needle: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Int? {
      guard let base = text.baseAddress, let pattern = needle.baseAddress else { return nil }
      if needle.count > longestCompared { return findLong(needle, in: text, from: start) }
      var position = start
      while position + needle.count <= text.count {
        let room = text.count - needle.count - position + 1
        guard let hit = memchr(base + position, Int32(pattern[0]), room) else { return nil }
        position = UnsafeRawPointer(hit) - UnsafeRawPointer(base)
        if memcmp(base + position, pattern, needle.count) == 0 { return position }
        position += 1
      }
      return nil
    }

    private static let longestCompared = 32

    /// Knuth, Morris and Pratt's search: its time stays linear however the text repeats itself.
    private static func findLong(
      _ needle: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Int? {
      var borders = [0]
      borders.reserveCapacity(needle.count)
      var length = 0
      for index in 1..<needle.count {
        while length > 0, needle[index] != needle[length] { length = borders[length - 1] }
        if needle[index] == needle[length] { length += 1 }
        borders.append(length)
      }
      length = 0
      for index in start..<text.count {
        while length > 0, text[index] != needle[length] { length = borders[length - 1] }
        if text[index] == needle[length] { length += 1 }
        if length == needle.count { return index + 1 - length }
      }
      return nil
    }

    /// The last occurrences of a text that is not empty, from right to left, without overlaps.
    static func occurrencesFromEnd(
      of needle: String, in text: String, limit: Int = .max
    ) -> [Int] {
      let bytes = Array(text.utf8.reversed())
      let pattern = Array(needle.utf8.reversed())
      return bytes.withUnsafeBufferPointer { bytes in
        pattern.withUnsafeBufferPointer { pattern in
          var found: [Int] = []
          var start = 0
          while found.count < limit, let offset = find(pattern, in: bytes, from: start) {
            found.append(bytes.count - offset - pattern.count)
            start = offset + pattern.count
          }
          return found
        }
      }
    }

    static func bytes(_ text: String, _ range: Range<Int>) -> String {
      let utf8 = text.utf8
      let start = utf8.index(utf8.startIndex, offsetBy: range.lowerBound)
      let end = utf8.index(start, offsetBy: range.count)
      return String(text[start..<end])
    }

    static func hasPrefix(_ text: String, _ prefix: String) -> Bool {
      text.utf8.starts(with: prefix.utf8)
    }

    static func hasSuffix(_ text: String, _ suffix: String) -> Bool {
      text.utf8.count >= suffix.utf8.count
        && text.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    // MARK: Changing

    static func strip(
      _ text: String, _ set: String?, left: Bool = true, right: Bool = true
    ) -> String {
      let members = set.map { Set($0.unicodeScalars) }
      let goes = { (scalar: Unicode.Scalar) in members?.contains(scalar) ?? isSpace(scalar) }
      var rest = text.unicodeScalars[...]
      if left { rest = rest.drop(while: goes) }
      if right { while let last = rest.last, goes(last) { rest.removeLast() } }
      return String(rest)
    }

    static func replacing(_ text: String, _ old: String, with new: String, limit: Int) -> String {
      if limit == 0 { return text }
      let limit = limit < 0 ? Int.max : limit
      if old.isEmpty {
        // Python puts the new text before every character and at the end.
        var result = ""
        var used = 0
        for scalar in text.unicodeScalars {
          if used < limit { result += new }
          used += 1
          result.unicodeScalars.append(scalar)
        }
        return used < limit ? result + new : result
      }
      let places = occurrences(of: old, in: text, limit: limit)
      guard !places.isEmpty else { return text }
      var text = text
      return text.withUTF8 { source in
        var result = ""
        var start = 0
        for place in places {
          result += String(decoding: source[start..<place], as: UTF8.self)
          result += new
          start = place + old.utf8.count
        }
        return result + String(decoding: source[start...], as: UTF8.self)
      }
    }

    static func uppercased(_ text: String) -> String {
      if isASCII(text) { return text.uppercased() }
      return text.unicodeScalars.reduce(into: "") { $0 += $1.properties.uppercaseMapping }
    }

    static func lowercased(_ text: String) -> String {
      if isASCII(text) { return text.lowercased() }
      let scalars = Array(text.unicodeScalars)
      return scalars.indices.reduce(into: "") { $0 += lowercase(scalars, $1) }
    }

    private static func lowercase(_ scalars: [Unicode.Scalar], _ index: Int) -> String {
      let scalar = scalars[index]
      if scalar == "\u{3A3}", isFinalSigma(scalars, index) { return "\u{3C2}" }
      return scalar.properties.lowercaseMapping
    }

    /// A capital sigma that ends a word: cased letters before it and none after.
    private static func isFinalSigma(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
      let isIgnorable = { (scalar: Unicode.Scalar) in scalar.properties.isCaseIgnorable }
      let before = scalars[..<index].last { !isIgnorable($0) }
      let after = scalars[(index + 1)...].first { !isIgnorable($0) }
      return before.map(isCased) == true && after.map(isCased) != true
    }

    static func capitalized(_ text: String) -> String {
      guard let first = text.unicodeScalars.first else { return "" }
      let rest = lowercased(String(text.unicodeScalars.dropFirst()))
      return first.properties.titlecaseMapping + rest
    }

    /// `str.title`: a capital wherever a letter follows none.
    static func titlecased(_ text: String) -> String {
      var result = ""
      var followsCased = false
      let scalars = Array(text.unicodeScalars)
      for (index, scalar) in scalars.enumerated() {
        result +=
          followsCased ? lowercase(scalars, index) : scalar.properties.titlecaseMapping
        followsCased = isCased(scalar)
      }
      return result
    }

    static func swappingCase(_ text: String) -> String {
      let scalars = Array(text.unicodeScalars)
      return scalars.enumerated().reduce(into: "") { result, element in
        let (index, scalar) = element
        if isUppercase(scalar) {
          result += lowercase(scalars, index)
        } else if isLowercase(scalar) {
          result += scalar.properties.uppercaseMapping
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }

    static func lines(_ text: String, keepingEnds: Bool = false) -> [String] {
      var lines: [String] = []
      let scalars = text.unicodeScalars
      var start = scalars.startIndex
      var index = start
      while index < scalars.endIndex {
        let scalar = scalars[index]
        let next = scalars.index(after: index)
        guard isLineBreak(scalar) else {
          index = next
          continue
        }
        let isPair = scalar == "\r" && next < scalars.endIndex && scalars[next] == "\n"
        let end = isPair ? scalars.index(after: next) : next
        lines.append(String(scalars[start..<(keepingEnds ? end : index)]))
        start = end
        index = end
      }
      if start < scalars.endIndex { lines.append(String(scalars[start...])) }
      return lines
    }

    static func words(_ text: String, limit: Int = -1) -> [String] {
      var words: [String] = []
      var rest = text.unicodeScalars.drop(while: isSpace)
      while !rest.isEmpty {
        if limit >= 0, words.count == limit {
          words.append(String(rest))
          return words
        }
        let end = rest.firstIndex(where: isSpace) ?? rest.endIndex
        words.append(String(rest[..<end]))
        rest = rest[end...].drop(while: isSpace)
      }
      return words
    }

    static func wordsFromEnd(_ text: String, limit: Int) -> [String] {
      var words: [String] = []
      var rest = Array(text.unicodeScalars)
      let trim = { while let last = rest.last, isSpace(last) { rest.removeLast() } }
      trim()
      while !rest.isEmpty {
        if words.count == limit {
          words.append(string(rest))
          break
        }
        let start = (rest.lastIndex(where: isSpace) ?? -1) + 1
        words.append(string(rest[start...]))
        rest.removeSubrange(start...)
        trim()
      }
      return words.reversed()
    }

    static func escapedForHTML(_ text: String) -> String {
      guard text.utf8.contains(where: { [0x26, 0x3C, 0x3E, 0x27, 0x22].contains($0) }) else {
        return text
      }
      var result = ""
      for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "'": result += "&#39;"
        case "\"": result += "&#34;"
        default: result.unicodeScalars.append(scalar)
        }
      }
      return result
    }
  }
}
