import Foundation

/// Whether what a teacher wrote has the form of a request or of an answer.
enum WrittenForm {
  /// How answers begin that are none: in words, without marks.
  ///
  /// Being sorry alone is no refusal: a help desk is sorry all day.
  private static let refusals = [
    "i cannot", "i can't", "i can not", "i am unable", "i'm unable", "i am not able",
    "i'm not able", "i am sorry but i", "i'm sorry but i", "sorry but i", "i am sorry i can",
    "i'm sorry i can", "sorry i can", "i apologize but i", "unfortunately i can", "as an ai",
    "as a language model", "as a large language model", "i am just an ai", "i'm just an ai",
    "i do not have access", "i don't have access", "i do not have the ability",
    "i don't have the ability",
  ]

  /// The labels of prompts that show examples, at a line's beginning.
  private static let labels = ["task:", "input:", "output:", "rewritten:"]

  /// A verdict against a text; nil where nothing is wrong with it.
  ///
  /// - Parameters:
  ///   - part: what the text is: `task`, `answer`.
  ///   - isFinished: whether it ended of its own accord.
  ///   - followsExamples: whether it must not repeat the labels that examples have.
  ///   - mayRefuse: whether it may begin like a refusal.
  static func fault(
    in text: String, part: String, isFinished: Bool, fewestWords: Int = 1, followsExamples: Bool,
    mayRefuse: Bool = false
  ) -> Verdict? {
    let problem =
      lack(in: text, isFinished: isFinished, fewestWords: fewestWords)
      ?? (followsExamples
        ? label(in: text).map { "repeats a label of its prompt, \($0)" } : nil)
      ?? (!mayRefuse && isRefusal(text) ? "begins like a refusal" : nil)
    return problem.map { Verdict("form", passes: false, reason: "the \(part) \($0)") }
  }

  private static func lack(in text: String, isFinished: Bool, fewestWords: Int) -> String? {
    let count = Words.count(text)
    if count == 0 { return "is empty" }
    if !isFinished { return "was cut off: it is longer than the most tokens" }
    if count < fewestWords { return "has fewer than \(fewestWords) words" }
    return nil
  }

  /// Whether an answer begins by saying that it will be none.
  static func isRefusal(_ text: String) -> Bool {
    let beginning = Words.lowercased(text.prefix(200)).prefix(8).joined(separator: " ")
    return refusals.contains { beginning.hasPrefix($0) }
  }

  /// The first label of a prompt that a line of a text begins with.
  private static func label(in text: String) -> String? {
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.trimmingCharacters(in: .whitespaces)
      if let match = line.prefixMatch(of: /(?i:task) \d+:/) { return String(match.0) }
      let lower = line.lowercased()
      if let label = labels.first(where: { lower.hasPrefix($0) }) { return label }
    }
    return nil
  }
}
