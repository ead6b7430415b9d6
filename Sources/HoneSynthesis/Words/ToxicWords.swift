import Foundation

/// Words and phrases that insult, threaten or debase, each with how surely it does so by itself.
///
/// The built-in list is short and of English above all: it finds what a model falls into, not all that people can think
/// of. A user's own lists come on top, and win where they name the same.
struct ToxicWords: Sendable {
  /// One word or phrase that a text has.
  struct Finding: Equatable {
    var phrase: String
    var weight: Double
  }

  /// By the phrase's words, in lower case with a space between them.
  private var weights: [String: Double] = Self.builtIn
  private var longest: Int

  init() { longest = Self.longest(Self.builtIn) }

  /// The built-in list and the user's own: lines of a phrase and, after a tab, its weight from 0 (harmless) to 1; 1
  /// where there is none. Lines that begin with `#` are comments.
  ///
  /// - Throws: ``SynthesisError`` for a file that cannot be read, or a line that is no such thing.
  init(paths: [String]) throws {
    self.init()
    for path in paths { try read(path) }
    longest = Self.longest(weights)
  }

  private mutating func read(_ path: String) throws {
    guard let data = FileManager.default.contents(atPath: path),
      let text = String(validating: data, as: UTF8.self)
    else {
      throw SynthesisError(
        "filters.toxic_words", place: path, problem: "cannot be read as a text in UTF-8",
        advice: "name a file with a word or phrase a line")
    }
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let line = line.trimmed
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      let columns = line.split(separator: "\t", omittingEmptySubsequences: true)
      let weight = columns.count == 1 ? 1 : Double(columns[1].trimmed)
      let phrase = Self.words(of: columns[0]).joined(separator: " ")
      guard columns.count <= 2, !phrase.isEmpty, let weight, (0...1).contains(weight) else {
        throw SynthesisError(
          "filters.toxic_words", place: "\(path): line \(number + 1)",
          problem: "\"\(line.prefix(60))\" is no word with its weight",
          advice: "write a word or phrase and, after a tab, a number from 0 to 1")
      }
      weights[phrase] = weight
    }
  }

  /// The phrases of a text that another text does not have, each once, in their order.
  func findings(in text: String, beside source: String = "") -> [Finding] {
    let own = phrases(of: text)
    guard !own.isEmpty else { return [] }
    let known = Set(phrases(of: source))
    var found: [Finding] = []
    for phrase in own where !known.contains(phrase) {
      guard let weight = weights[phrase], weight > 0,
        !found.contains(where: { $0.phrase == phrase })
      else { continue }
      found.append(Finding(phrase: phrase, weight: weight))
    }
    return found
  }

  /// How surely a text is toxic: the chance that one of its findings is, were they independent.
  static func score(_ findings: [Finding]) -> Double {
    1 - findings.reduce(1) { $0 * (1 - $1.weight) }
  }

  /// All that the list has of a text.
  private func phrases(of text: String) -> [String] {
    let words = Self.words(of: text).map { $0.contains("*") ? unmasked($0) : $0 }
    return words.indices.flatMap { start in
      (1...longest).compactMap { count -> String? in
        guard start + count <= words.count else { return nil }
        let phrase = words[start..<start + count].joined(separator: " ")
        return weights[phrase] == nil ? nil : phrase
      }
    }
  }

  /// The word of the list that stars hide letters of (`f*ck`); the word itself where there is none.
  private func unmasked(_ word: String) -> String {
    guard word.count(where: \.isLetter) >= 2 else { return word }
    return weights.keys.filter { known in
      known.count == word.count && zip(known, word).allSatisfy { $0 == $1 || $1 == "*" }
    }.min() ?? word
  }

  /// Words in lower case, those with signs for letters (`sh1t`, `@ss`) as they are read.
  private static func words(of text: some StringProtocol) -> [String] {
    text.lowercased().split { !($0.isLetter || $0.isNumber || "@$*'’".contains($0)) }.compactMap {
      let isAround: (Character) -> Bool = { "*'".contains($0) }
      var word = $0.replacing("’", with: "'").drop(while: isAround)
      while let last = word.last, isAround(last) { word.removeLast() }
      guard word.contains(where: { $0.isLetter || $0.isNumber }) else { return nil }
      return word.contains(where: \.isLetter) ? String(word.map { signs[$0] ?? $0 }) : String(word)
    }
  }

  private static let signs: [Character: Character] = [
    "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s",
  ]

  private static func longest(_ weights: [String: Double]) -> Int {
    weights.keys.map { $0.count { $0 == " " } + 1 }.max() ?? 1
  }

  private static let builtIn: [String: Double] = {
    let classes: [(weight: Double, phrases: String)] = [
      // Threats, and what wishes someone dead.
      (
        1,
        """
        kill yourself, go kill yourself, kill you all, hang yourself, i will kill you, i'll kill you, \
        you should die, you deserve to die, i hope you die, go die, drink bleach, rape you, \
        exterminate them all
        """
      ),
      // Against groups of people.
      (
        0.9,
        """
        subhuman, subhumans, untermensch, faggot, faggots, nigger, niggers, kike, kikes, spic, spics, \
        wetback, wetbacks, raghead, ragheads, tranny, trannies, white trash, go back to your country, \
        kanake, kanaken, schwuchtel
        """
      ),
      // Obscene, or a gross insult whatever stands around it.
      (
        0.7,
        """
        fuck, fucks, fucked, fucker, fuckers, fucking, motherfucker, motherfuckers, motherfucking, shit, shits, \
        shitty, bullshit, cunt, cunts, bitch, bitches, bastard, bastards, asshole, assholes, arsehole, arseholes, \
        dickhead, dickheads, wanker, wankers, twat, twats, whore, whores, slut, sluts, cocksucker, douchebag, \
        retarded, piece of shit, son of a bitch, scheisse, scheiße, arschloch, wichser, hurensohn, fotze, \
        putain, connard, connasse, salope, enculé, puta, mierda, cabrón, gilipollas, pendejo, stronzo, vaffanculo, \
        cazzo
        """
      ),
      // Rude; harmless often enough by itself.
      (
        0.3,
        """
        idiot, idiots, idiotic, moron, morons, moronic, imbecile, imbeciles, stupid, dumb, dumbass, jerk, loser, \
        losers, scum, vermin, crap, damn, goddamn, piss off, pissed, screw you, shut up, pathetic, disgusting, \
        worthless, you people, hate you, trottel, depp
        """
      ),
    ]
    return classes.reduce(into: [:]) { weights, level in
      for phrase in level.phrases.split(separator: ",") {
        weights[words(of: phrase).joined(separator: " ")] = level.weight
      }
    }
  }()
}
