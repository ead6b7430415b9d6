/// Rejects answers with a name that neither their passage nor their question has.
///
/// Names are words with a capital letter that do not begin a sentence, and words with several
/// capitals in a row anywhere. They are compared without regard to case, so in a language that
/// writes all nouns with capitals, nouns must stand in the passage too.
struct NamesInSource: Filter {
  let name = "names_in_source"
  let reason = "The answer has a name that the source does not have, so it is made up."

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    guard let chunk = context.chunk, record.content.kind != .extraction else { return passed() }
    let known = Set(
      Words.of("\(chunk.passage)\n\(record.content.request)").flatMap { Self.forms(of: $0) })
    let unknown = Self.names(in: record.content.response).first { name in
      // A compound is known when its parts are.
      !known.contains(Self.plain(name))
        && !name.split(separator: "-").allSatisfy { known.contains(Self.plain($0)) }
    }
    return unknown.map { failed("the answer's \"\($0)\" is not in the source") } ?? passed()
  }

  /// The names of a text, in their order.
  static func names(in text: String) -> [Substring] {
    SentenceSplitter.sentences(of: text).flatMap { sentence in
      Words.of(sentence).enumerated().compactMap { place, word in
        guard word.count > 1, isAcronym(word) || (place > 0 && word.first?.isUppercase == true)
        else { return nil }
        // "I'm" is a word like any other.
        return word.hasPrefix("I'") || word.hasPrefix("I’") ? nil : word
      }
    }
  }

  private static func isAcronym(_ word: Substring) -> Bool {
    zip(word, word.dropFirst()).contains { $0.isUppercase && $1.isUppercase }
  }

  /// A word as names are compared, and each of its parts.
  private static func forms(of word: Substring) -> [String] {
    [plain(word)] + (word.contains("-") ? word.split(separator: "-").map(plain) : [])
  }

  /// In lower case, and without the mark of the genitive.
  private static func plain(_ word: Substring) -> String {
    let word = word.lowercased().replacing("’", with: "'")
    return word.hasSuffix("'s") ? String(word.dropLast(2)) : word
  }
}
