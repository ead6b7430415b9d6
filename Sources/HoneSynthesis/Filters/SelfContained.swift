/// Rejects questions that only a reader of the passage understands: "the text above".
struct SelfContained: Filter {
  let name = "self_contained"
  let reason = "The question speaks of a text that nobody who asks it has before them."

  private static let phrases = [
    "this document", "the document", "this passage", "the passage", "this text", "the text",
    "this section", "this article", "this paragraph", "the paragraph", "the author", "the above",
    "above mentioned", "mentioned above", "the following", "described here", "this page",
    "the statement",
    "this statement", "which statement", "the question", "this question", "this context",
    "the given",
  ]

  func judge(_ record: SynthesisRecord, in context: FilterContext) -> Verdict {
    guard let question = record.content.question else { return passed() }
    let words = " " + Words.lowercased(question).joined(separator: " ") + " "
    let found = Self.phrases.first { words.contains(" \($0) ") }
    return found.map { failed("the question says \"\($0)\"") } ?? passed()
  }
}
