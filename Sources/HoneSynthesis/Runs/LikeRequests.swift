import HoneFormats

/// Finds requests that are much like one that was seen before: exams', and those accepted already.
///
/// Two requests are compared by the share of their runs of three words that they have in common
/// (Jaccard); requests of fewer words by all of them.
struct LikeRequests {
  private let known: SimilarSets

  init(similarity: Double) throws { known = try SimilarSets(similarity: similarity) }

  /// - Parameter source: what it came from.
  func insert(_ request: String, source: String) throws {
    try known.insert(WordHashes.runs(of: request), label: source)
  }

  /// What the most similar one that is too similar came from, and how similar it is.
  func match(_ request: String) throws -> (source: String, similarity: Double)? {
    try known.match(WordHashes.runs(of: request)).map { ($0.label, $0.similarity) }
  }

  /// Takes the questions of an exam: lines with `question`, `prompt` or `instruction`, or with
  /// `messages`, whose user's turns count.
  ///
  /// - Throws: ``FormatError`` for a file that cannot be read, ``SynthesisError`` for a line without
  ///   a question.
  func insert(exam path: String) throws {
    var lines = try JSONLines(path: path)
    while let record = try lines.next() {
      let questions = Self.questions(of: record.value)
      guard !questions.isEmpty else {
        throw SynthesisError(
          path, place: "line \(record.line)", problem: "has no question",
          advice: "give it \"question\", \"prompt\", \"instruction\" or \"messages\"")
      }
      for question in questions { try insert(question, source: path) }
    }
  }

  private static func questions(of value: JSONValue) -> [String] {
    for key in ["question", "prompt", "instruction"] {
      if let text = value[key]?.string { return [text] }
    }
    let turns = value["messages"]?.array ?? value["prompt"]?.array ?? []
    return turns.filter { $0["role"]?.string == "user" }.compactMap { $0["content"]?.string }
  }
}
