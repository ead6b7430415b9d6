import HoneFormats

/// Finds requests that are much like one that was seen before: exams', and those accepted already.
///
/// Two requests are compared by the share of their runs of three words that they have in common
/// (Jaccard); requests of fewer words by all of them.
struct LikeRequests {
  private var known: SimilarSets
  /// What each of the known came from.
  private var sources: [String] = []

  init(similarity: Double) { known = SimilarSets(similarity: similarity) }

  mutating func insert(_ request: String, source: String) {
    known.insert(WordHashes.runs(of: request))
    sources.append(source)
  }

  /// What the most similar one that is too similar came from, and how similar it is.
  func match(_ request: String) -> (source: String, similarity: Double)? {
    known.match(WordHashes.runs(of: request)).map { (sources[$0.number], $0.similarity) }
  }

  /// Takes the questions of an exam: lines with `question`, `prompt` or `instruction`, or with
  /// `messages`, whose user's turns count.
  ///
  /// - Throws: ``FormatError`` for a file that cannot be read, ``SynthesisError`` for a line without
  ///   a question.
  mutating func insert(exam path: String) throws {
    var lines = try JSONLines(path: path)
    while let record = try lines.next() {
      let questions = Self.questions(of: record.value)
      guard !questions.isEmpty else {
        throw SynthesisError(
          path, place: "line \(record.line)", problem: "has no question",
          advice: "give it \"question\", \"prompt\", \"instruction\" or \"messages\"")
      }
      for question in questions { insert(question, source: path) }
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
