import HoneFormats

/// Finds requests that are much like one that was seen before: exams', and those accepted already.
///
/// Two requests are compared by the share of their runs of three words that they have in common
/// (Jaccard); requests of fewer words by all of them.
struct LikeRequests {
  private let similarity: Double
  private var known: [(runs: Set<UInt64>, source: String)] = []
  /// Which of the known have a run.
  private var places: [UInt64: [Int]] = [:]

  init(similarity: Double) { self.similarity = similarity }

  mutating func insert(_ request: String, source: String) {
    let runs = Self.runs(of: request)
    guard !runs.isEmpty else { return }
    for run in runs { places[run, default: []].append(known.count) }
    known.append((runs, source))
  }

  /// What the most similar one that is too similar came from, and how similar it is.
  func match(_ request: String) -> (source: String, similarity: Double)? {
    let runs = Self.runs(of: request)
    var shared: [Int: Int] = [:]
    for run in runs {
      for place in places[run] ?? [] { shared[place, default: 0] += 1 }
    }
    var best: (place: Int, similarity: Double)?
    for (place, count) in shared.sorted(by: { $0.key < $1.key }) {
      let likeness = Double(count) / Double(runs.count + known[place].runs.count - count)
      if likeness >= similarity, likeness > best?.similarity ?? 0 { best = (place, likeness) }
    }
    return best.map { (known[$0.place].source, $0.similarity) }
  }

  private static func runs(of request: String) -> Set<UInt64> {
    Set(WordHashes.runs(of: 3, in: WordHashes.of(request)))
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
