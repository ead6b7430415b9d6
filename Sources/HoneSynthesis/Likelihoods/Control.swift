import Foundation
import HoneTensors

/// A pair that is known to be true or false, made from the user's documents without anyone's labels.
package struct Control: Equatable, Sendable {
  /// How a false pair was made of a true one.
  package enum Kind: String, CaseIterable, Sendable {
    /// The answer is another statement of the same passage.
    case otherStatement = "other_statement"
    /// The answer is of another passage.
    case swapped
    /// One number or word of the answer is another.
    case perturbed
    /// The passage is another one.
    case wrongPassage = "wrong_passage"
  }

  package var pair: QuestionPair
  /// nil for a true pair.
  package var kind: Kind?
  /// Which true pair it is or was made of.
  package var origin: Int

  package init(_ pair: QuestionPair, _ kind: Kind? = nil, origin: Int = 0) {
    self.pair = pair
    self.kind = kind
    self.origin = origin
  }

  /// True pairs, and the false ones that can be made of them.
  ///
  /// - Parameters:
  ///   - pairs: questions whose answers stand in their passages word for word.
  ///   - statements: what each passage says, by the passages' ids.
  package static func all(
    from pairs: [QuestionPair], statements: [String: [String]], seed: UInt64
  ) -> [Control] {
    let random = RandomSource(seed: seed, purpose: "controls")
    var controls = pairs.enumerated().map { Control($0.element, origin: $0.offset) }
    for (index, pair) in pairs.enumerated() {
      guard let chunk = pair.chunk else { continue }
      func draw<Item>(_ items: [Item], _ purpose: UInt64) -> Item? {
        guard !items.isEmpty else { return nil }
        let place = random.uniform(UInt64(index) * 8 + purpose) * Double(items.count)
        return items[min(Int(place), items.count - 1)]
      }
      let own = (statements[chunk.id] ?? []).filter {
        WordOverlap.f1($0, pair.answer) < 0.5
      }
      if let answer = draw(own, 0) {
        controls.append(Control(with(pair) { $0.answer = answer }, .otherStatement, origin: index))
      }
      let others = pair.neighbours.flatMap { statements[$0.id] ?? [] }.filter {
        WordOverlap.f1($0, pair.answer) < 0.5
      }
      if let answer = draw(others, 1) {
        controls.append(Control(with(pair) { $0.answer = answer }, .swapped, origin: index))
      }
      let words = others.flatMap { Perturbation.words(of: $0) }
      let start = Int(random.uniform(UInt64(index) * 8 + 2) * 1e6)
      if let answer = Perturbation.changed(
        pair.answer, keeping: pair.question, words: words, from: start)
      {
        controls.append(Control(with(pair) { $0.answer = answer }, .perturbed, origin: index))
      }
      if let wrong = pair.neighbours.first {
        controls.append(
          Control(
            with(pair) {
              $0.chunk = wrong
              $0.neighbours = [chunk] + pair.neighbours.dropFirst()
            }, .wrongPassage, origin: index))
      }
    }
    return controls
  }

  private static func with(
    _ pair: QuestionPair, _ change: (inout QuestionPair) -> Void
  ) -> QuestionPair {
    var pair = pair
    change(&pair)
    return pair
  }
}

/// A text with one number or one word changed: fluent, and false.
package enum Perturbation {
  /// Words that carry meaning: long, of letters alone.
  static func words(of text: String) -> [String] {
    text.split { !$0.isLetter }.map(String.init).filter { $0.count >= 5 }
  }

  /// The text with its first number, else one of its words, changed; nil where there is neither.
  ///
  /// - Parameters:
  ///   - question: whose words stay: what is asked about is not what is wrong.
  ///   - words: what a word becomes, the first from a position on that fits.
  package static func changed(
    _ text: String, keeping question: String, words: [String], from start: Int
  ) -> String? {
    if let number = text.firstRange(of: /\d+/) {
      let digits = text[number]
      // Another number of as many digits: 7 becomes 2, 1998 becomes 1943.
      let year = digits.count == 4 ? Int(digits) ?? 0 : 0
      let kept = (1000...2200).contains(year) ? 2 : 0
      let changed = String(
        digits.enumerated().map { place, digit in
          let value = digit.wholeNumberValue ?? 0
          if place < kept { return digit }
          let isFirst = place == 0 && digits.count > 1
          let next = (value + 5 + (start % 4)) % 10
          let isChanged = place == 0 || kept > 0 || value != 0
          return Character(String(isFirst && next == 0 ? 1 : isChanged ? next : 0))
        })
      if changed != digits { return text.replacingCharacters(in: number, with: changed) }
    }
    for word in text.split(whereSeparator: { !$0.isLetter }) {
      guard let place = Numerals.small.firstIndex(of: word.lowercased()) else { continue }
      let other = Numerals.small[
        (place + 2 + start % (Numerals.small.count - 3)) % Numerals.small.count]
      return text.replacingCharacters(
        in: word.startIndex..<word.endIndex,
        with: word.first?.isUppercase == true ? other.capitalized : other)
    }
    let asked = Set(WordOverlap.words(of: question))
    let own = self.words(of: text).filter { !asked.contains($0.lowercased()) }
    guard let word = own.max(by: { $0.count < $1.count }), !words.isEmpty,
      let place = text.range(of: word)
    else { return nil }
    let known = Set(WordOverlap.words(of: text))
    for offset in 0..<words.count {
      let other = words[(start + offset) % words.count]
      guard !known.contains(other.lowercased()), abs(other.count - word.count) <= 3 else {
        continue
      }
      let isCapital = word.first?.isUppercase ?? false
      return text.replacingCharacters(in: place, with: isCapital ? other.capitalized : other)
    }
    return nil
  }
}
