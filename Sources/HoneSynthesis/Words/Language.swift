/// What language a text is in, as far as its script and its commonest words tell.
package enum Language: String, CaseIterable, Sendable {
  case english = "en"
  case german = "de"
  case french = "fr"
  case spanish = "es"
  case italian = "it"
  case portuguese = "pt"
  case dutch = "nl"
  case russian = "ru"
  case greek = "el"
  case chinese = "zh"
  case japanese = "ja"
  case korean = "ko"
  case arabic = "ar"
  case hebrew = "he"
  case hindi = "hi"
  case thai = "th"

  /// Words that a text of more than a few words can hardly do without, and that few other
  /// languages of the list have.
  private static let commonWords: [(Language, Set<String>)] = [
    (
      .english,
      [
        "the", "and", "of", "to", "is", "that", "for", "with", "are", "this", "what", "which",
        "how", "does", "who", "when", "from", "by", "be", "at", "on", "it", "you", "have", "has",
        "not", "or", "must", "may", "can", "will", "where", "why", "if", "an", "as", "was", "their",
      ]
    ),
    (
      .german,
      [
        "der", "die", "das", "und", "ist", "nicht", "ein", "eine", "einen", "mit", "für", "von",
        "zu", "den", "dem", "auf", "wie", "wer", "welche", "wird", "werden", "sich", "auch", "bei",
        "im", "sind", "aus", "oder", "nach", "wann", "wo", "warum", "kann", "muss",
      ]
    ),
    (
      .french,
      [
        "le", "la", "les", "des", "et", "est", "une", "du", "dans", "pour", "qui", "que", "sur",
        "pas", "avec", "sont", "par", "au", "aux", "ce", "cette", "quel", "quelle", "comment",
        "ne", "il", "vous", "quand", "pourquoi",
      ]
    ),
    (
      .spanish,
      [
        "el", "los", "las", "y", "es", "una", "del", "para", "con", "por", "que", "qué", "se", "al",
        "cómo", "cuál", "está", "son", "como", "más", "su", "lo", "cuándo", "dónde", "quién",
      ]
    ),
    (
      .italian,
      [
        "il", "gli", "di", "che", "è", "una", "per", "con", "non", "sono", "della", "del", "nel",
        "come", "quale", "alla", "più", "dei", "delle", "quando", "dove", "chi", "perché",
      ]
    ),
    (
      .portuguese,
      [
        "os", "as", "é", "uma", "para", "com", "não", "que", "do", "da", "dos", "das", "em", "no",
        "na", "são", "como", "qual", "por", "ao", "mais", "quando", "onde", "quem",
      ]
    ),
    (
      .dutch,
      [
        "de", "het", "een", "en", "van", "is", "niet", "met", "voor", "op", "dat", "zijn", "wat",
        "wie", "hoe", "aan", "door", "wordt", "worden", "bij", "ook", "naar", "waar", "wanneer",
      ]
    ),
  ]

  /// The language of a text; nil when it is too short or mixed to tell.
  package static func detected(in text: String) -> Language? {
    var letters = 0
    var scripts: [Language: Int] = [:]
    for scalar in text.unicodeScalars where Words.isLetter(scalar) {
      letters += 1
      if let language = script(scalar) { scripts[language, default: 0] += 1 }
    }
    // Japanese is mostly kana among ideographs.
    if let kana = scripts[.japanese], let ideographs = scripts[.chinese], kana * 10 >= ideographs {
      return .japanese
    }
    if let (language, count) = scripts.max(by: {
      ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue)
    }),
      count * 2 > letters
    {
      return language
    }
    return byCommonWords(in: text)
  }

  private static func byCommonWords(in text: String) -> Language? {
    let words = Words.lowercased(text)
    guard words.count >= 4 else { return nil }
    var scores = commonWords.map { language, common in
      (language, words.count { common.contains($0) })
    }
    scores.sort { ($0.1, $1.0.rawValue) > ($1.1, $0.0.rawValue) }
    let (best, second) = (scores[0], scores[1])
    guard best.1 >= 2, Double(best.1) >= 0.1 * Double(words.count), best.1 > second.1 else {
      return nil
    }
    return best.0
  }

  private static func script(_ scalar: Unicode.Scalar) -> Language? {
    switch scalar.value {
    case 0x0370...0x03FF: .greek
    case 0x0400...0x04FF: .russian
    case 0x0590...0x05FF: .hebrew
    case 0x0600...0x06FF: .arabic
    case 0x0900...0x097F: .hindi
    case 0x0E00...0x0E7F: .thai
    case 0x3040...0x30FF: .japanese
    case 0x3400...0x4DBF, 0x4E00...0x9FFF: .chinese
    case 0xAC00...0xD7AF: .korean
    default: nil
    }
  }
}
