import HoneFormats

/// What a recipe may want of questions and tasks, by its name there; its values are the user's own
/// words.
package enum Sampler: String, CaseIterable, Sendable {
  case questionType = "question_type"
  case difficulty, persona, tone, language, length

  /// What a teacher reads before a value.
  var label: String {
    switch self {
    case .questionType: "Kind"
    case .difficulty: "Difficulty"
    case .persona: "Asked by"
    case .tone: "Tone"
    case .language: "Language"
    case .length: "Length"
    }
  }

  /// What it is for, one sentence.
  var summary: String {
    switch self {
    case .questionType:
      "Kinds of questions or tasks, in your own words: each candidate draws one, and none comes again "
        + "before all came. So it is with the other samplers."
    case .difficulty: "How hard it is: [easy, hard]."
    case .persona: "Who asks: [a new member of staff, an auditor]."
    case .tone: "How it is said: [plain, formal]."
    case .language: "The language that it is asked in: [English, German]."
    case .length: "How long it is: [one short sentence, two sentences]."
    }
  }

  /// What is wrong with the values of one, as the end of a sentence that starts with its name; nil
  /// for nothing.
  package static func fault(in values: [String]) -> String? {
    if values.isEmpty { return "is an empty list, expected at least one value" }
    if let value = values.first(where: { $0.trimmed.isEmpty || $0.contains(where: \.isNewline) }) {
      return "has \(FormatError.quoted(value)), expected words on one line"
    }
    var seen: Set<String> = []
    if let value = values.first(where: { !seen.insert($0).inserted }) {
      return "has \(FormatError.quoted(value)) twice, expected different values"
    }
    return nil
  }
}

/// What a slot draws of the samplers that a recipe sets.
struct DrawnValues {
  private let values: [(sampler: Sampler, value: String)]

  init(at slot: Slot, _ options: SynthesisOptions) {
    let draw = SlotDraw(slot, seed: options.seed)
    values = Sampler.allCases.compactMap { sampler in
      draw.dealt(of: options.samplers[sampler] ?? [], for: "sampler \(sampler.rawValue)")
        .map { (sampler: sampler, value: $0) }
    }
  }

  /// The longest values that any slot can draw.
  init(longestOf options: SynthesisOptions) {
    values = Sampler.allCases.compactMap { sampler in
      options.samplers[sampler]?.max { $0.utf8.count < $1.utf8.count }
        .map { (sampler: sampler, value: $0) }
    }
  }

  subscript(sampler: Sampler) -> String? { values.first { $0.sampler == sampler }?.value }

  /// The values by the samplers' names, for a record.
  var attributes: [String: String] {
    Dictionary(values.map { ($0.sampler.rawValue, $0.value) }, uniquingKeysWith: { $1 })
  }

  /// A line for each value, to stand in a text that a teacher goes on with; empty where nothing is
  /// drawn.
  var lines: String { values.map { "\($0.sampler.label): \($0.value)\n" }.joined() }

  /// The lines between two sentences of a request; a space where nothing is drawn.
  var paragraph: String { values.isEmpty ? " " : "\n\nLet it fit this:\n\(lines)\n" }
}
