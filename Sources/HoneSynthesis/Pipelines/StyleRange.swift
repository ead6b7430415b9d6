/// What can be counted of answers, and between which bounds it lies in examples.
struct StyleRange {
  /// A property of an answer, by its name in verdicts.
  private struct Property {
    let name: String
    let value: (String) -> Double
  }

  private static var properties: [Property] {
    [
      Property(name: "words") { Double(Words.count($0)) },
      Property(name: "sentences") { Double(SentenceSplitter.sentences(of: $0).count) },
      Property(name: "share of lines that are list items", value: listShare),
      Property(name: "a mark at its end (1 or 0)") { endsWithMark($0) ? 1 : 0 },
    ]
  }

  /// By how much a bound is widened: down to a half of the least, up to half as much again as the
  /// most.
  private static let widening = 0.5

  /// The least and the most of the examples, in the order of the properties.
  private let bounds: [(least: Double, most: Double)]
  private let languages: Set<Language>

  /// Measures examples.
  init(of answers: [String]) {
    bounds = Self.properties.map { property in
      let values = answers.map(property.value)
      return (values.min() ?? 0, values.max() ?? 0)
    }
    languages = Set(answers.compactMap(Language.detected))
  }

  /// Whether an answer is like the examples.
  func verdict(on answer: String) -> Verdict {
    for (property, bounds) in zip(Self.properties, bounds) {
      let value = property.value(answer)
      let least = bounds.least * (1 - Self.widening)
      let most = bounds.most * (1 + Self.widening)
      guard value < least || value > most else { continue }
      let known =
        Self.shown(bounds.least)
        + (bounds.least < bounds.most ? " to \(Self.shown(bounds.most))" : "")
      return Verdict(
        "style", value: value, threshold: value < least ? least : most, passes: false,
        reason: "\(property.name): \(Self.shown(value)), and the examples have \(known)")
    }
    if let language = Language.detected(in: answer), !languages.isEmpty,
      !languages.contains(language)
    {
      let known = languages.map(\.rawValue).sorted().joined(separator: ", ")
      return Verdict(
        "style", passes: false,
        reason: "the language is \(language.rawValue), and the examples' \(known)")
    }
    return Verdict("style", passes: true)
  }

  private static func listShare(_ text: String) -> Double {
    let lines = text.split(whereSeparator: \.isNewline).map(\.trimmed).filter { !$0.isEmpty }
    guard !lines.isEmpty else { return 0 }
    return Double(lines.count { $0.isListItem }) / Double(lines.count)
  }

  private static func endsWithMark(_ text: String) -> Bool {
    guard let last = text.trimmed.last else { return false }
    return ".!?…:。！？\"”»)".contains(last)
  }

  private static func shown(_ value: Double) -> String {
    let hundredths = (value * 100).rounded() / 100
    return hundredths == hundredths.rounded() ? "\(Int(hundredths))" : "\(hundredths)"
  }
}
