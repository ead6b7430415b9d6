import Foundation

/// What a question about a statement asks for: a number, a time, a name that stands in it, or how it
/// ends.
///
/// A small model that is told which words are asked for asks for them; told nothing, it asks what
/// the statement says already. Alberti et al., "Synthetic QA corpora generation with roundtrip
/// consistency", 2019, choose the answer's span first in the same way.
package struct Focus: Equatable, Sendable {
  /// The words as they stand in the statement.
  package var text: String
  /// What a question after it may begin with.
  package var openings: [String]

  /// The foci of a statement, in its order; at least one.
  package static func all(in statement: String) -> [Focus] {
    let words = statement.split(separator: " ").map(String.init)
    var foci: [Focus] = []
    var index = 0
    while index < words.count {
      let word = bare(words[index])
      let ends = endsClause(words[index])
      if let last = quotationEnd(words, from: index) {
        let text = words[index...last].map(bare).joined(separator: " ")
        foci.append(Focus(text: text, openings: ["Which", "What"]))
        index = last
      } else if isNumber(word) {
        var text = word
        // The unit belongs to it: 240 metres.
        if !ends, index + 1 < words.count, isUnit(bare(words[index + 1])) {
          text += " " + bare(words[index + 1])
        }
        foci.append(Focus(text: text, openings: openings(ofNumber: word)))
      } else if isName(word), index > 0, !endsSentence(words[index - 1]) {
        let before = words[index - 1]
        var run = [word]
        while !endsClause(words[index]), index + 1 < words.count, isName(bare(words[index + 1])) {
          index += 1
          run.append(bare(words[index]))
        }
        let isTime = run.allSatisfy { calendar.contains(Self.singular($0)) }
        foci.append(
          Focus(
            text: run.joined(separator: " "),
            openings: isTime ? ["When", "On which day"] : openings(ofName: run, after: before)))
      }
      index += 1
    }
    var seen: Set<String> = []
    foci = foci.filter { seen.insert($0.text).inserted }
    if !foci.isEmpty { return foci }
    let end = words.suffix(4).map(bare).filter { !$0.isEmpty }.joined(separator: " ")
    return [Focus(text: end, openings: ["What", "How", "Which"])]
  }

  /// Whether a question gives away what it asks for.
  package func isGiven(away question: String) -> Bool {
    let (wanted, words) = (Words.lowercased(text), Words.lowercased(question))
    guard !wanted.isEmpty, words.count >= wanted.count else { return false }
    return (0...words.count - wanted.count).contains {
      words[$0..<$0 + wanted.count].elementsEqual(wanted)
    }
  }

  // MARK: Words

  private static let calendar: Set<String> = [
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "January",
    "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December", "Christmas", "Easter", "Day",
  ]
  private static let smallWords: Set<String> = [
    "and", "or", "of", "in", "on", "at", "to", "for", "from", "by", "with", "the", "a", "an", "is",
    "are", "was", "were", "must", "may", "can", "until", "before", "after", "than", "when", "that",
    "which", "who", "as", "if", "but", "each", "every", "more", "less",
  ]

  private static let longestQuotation = 5

  /// Where a quotation of a few words ends that begins at a word: a term, a file, a command; nil where none does.
  private static func quotationEnd(_ words: [String], from index: Int) -> Int? {
    let start = words[index].drop { "([".contains($0) }
    guard let mark = start.first, let closing = quotationMarks[mark] else { return nil }
    for end in index..<min(index + longestQuotation, words.count) {
      let rest = end == index ? start.dropFirst() : words[end][...]
      if rest.contains(closing) { return bare(words[index]).isEmpty ? nil : end }
    }
    return nil
  }

  private static let quotationMarks: [Character: Character] = [
    "\"": "\"", "“": "”", "`": "`", "«": "»",
  ]

  private static func bare(_ word: String) -> String {
    word.trimmingCharacters(in: CharacterSet(charactersIn: ".,;:!?()[]\"“”‘’'*_`"))
  }

  private static func singular(_ word: String) -> String {
    word.hasSuffix("s") && calendar.contains(String(word.dropLast()))
      ? String(word.dropLast()) : word
  }

  private static func isNumber(_ word: String) -> Bool {
    word.contains(where: \.isNumber) || Numerals.all.contains(word.lowercased())
  }

  private static func isUnit(_ word: String) -> Bool {
    word.count > 1 && word.allSatisfy(\.isLetter) && word.first?.isLowercase == true
      && !smallWords.contains(word)
  }

  private static func isName(_ word: String) -> Bool {
    word.count > 1 && word.first?.isUppercase == true && word.contains(where: \.isLetter)
  }

  private static func endsClause(_ word: String) -> Bool {
    word.last.map { ".,;:!?)".contains($0) } ?? false
  }
  private static func endsSentence(_ word: String) -> Bool {
    word.last.map { ".!?:".contains($0) } ?? false
  }

  /// Places stand after words of place; what has an article, a capital or a digit within is no person.
  private static func openings(ofName words: [String], after before: String) -> [String] {
    if places.contains(before.lowercased()) { return ["Where", "Which", "What"] }
    let isThing =
      articles.contains(before.lowercased())
      || words.contains { $0.dropFirst().contains { $0.isUppercase || $0.isNumber } }
    return isThing ? ["What", "Which"] : ["Who", "Which", "What", "Where"]
  }
  private static let places: Set<String> = ["in", "at", "near", "from", "to", "into"]
  private static let articles: Set<String> = ["the", "a", "an", "this", "each", "every"]

  private static func openings(ofNumber word: String) -> [String] {
    if word.contains(":") { return ["When", "At what time"] }
    if word.count == 4, let year = Int(word), (1000...2200).contains(year) {
      return ["When", "In which year"]
    }
    return ["How many", "How", "What"]
  }
}
