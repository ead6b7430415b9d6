import HoneFormats
import HoneSynthesis

/// The questions of an exam that a run of synthesis made.
package struct ExamSheet: Sendable {
  package struct Item: Equatable, Sendable {
    package var question: String
    /// Statements of the documents, the right one among them; fewer than two where none was found.
    package var choices: [String]
    package var answer: String
    /// What a right answer in own words contains.
    package var expects: [String]
    /// The document and the passage that the answer stands in.
    package var document: String
    package var passage: String

    package init(
      question: String, choices: [String] = [], answer: String, expects: [String],
      document: String = "", passage: String = ""
    ) {
      self.question = question
      self.choices = choices
      self.answer = answer
      self.expects = expects
      self.document = document
      self.passage = passage
    }
  }

  package let items: [Item]

  package init(_ items: [Item]) { self.items = items }

  /// Reads an exam, a question a line: `question`, `answer`, and where there are any `choices`,
  /// `expects` and `document`. The `accepted.jsonl` of the recipe `exam` is one.
  ///
  /// Without `expects` a right answer contains the whole `answer`.
  ///
  /// - Throws: ``HoneFormats/FormatError`` for a file that cannot be read,
  ///   ``HoneSynthesis/SynthesisError`` for a line that is no question, or when there is none.
  package init(reading path: String) throws {
    var lines = try JSONLines(path: path)
    var items: [Item] = []
    while let line = try lines.next() {
      func texts(_ key: String) throws -> [String] {
        guard let value = line.value[key] else { return [] }
        guard let list = value.array, list.allSatisfy({ $0.string != nil }) else {
          throw SynthesisError(
            path, place: "line \(line.line)", problem: "has \(key) that are no list of texts")
        }
        return list.compactMap(\.string)
      }
      guard let question = line.value["question"]?.string, !question.isEmpty,
        let answer = line.value["answer"]?.string, !answer.isEmpty
      else {
        throw SynthesisError(
          path, place: "line \(line.line)", problem: "is no question of an exam",
          advice: "give it \"question\" and \"answer\", two texts")
      }
      let expects = try texts("expects")
      let source = line.value["_meta"]?["provenance"]?["source"]
      items.append(
        Item(
          question: question, choices: try texts("choices"), answer: answer,
          expects: expects.isEmpty ? [answer] : expects,
          document: (line.value["document"] ?? source?["document"])?.string ?? "",
          passage: source?["chunk"]?.string ?? ""))
    }
    guard !items.isEmpty else {
      throw SynthesisError(path, problem: "has no questions", advice: "write one a line")
    }
    self.items = items
  }

  /// What belongs together when questions are drawn anew: those of one document, or, where there are
  /// only a few documents, of one passage.
  package var clusters: [[Int]] {
    let documents = Set(items.map(\.document)).count
    let isByDocument = documents >= Self.fewestDocuments
    var order: [String] = []
    var members: [String: [Int]] = [:]
    for (index, item) in items.enumerated() {
      let name = isByDocument ? item.document : "\(item.document) \(item.passage)"
      if members[name] == nil { order.append(name) }
      members[name, default: []].append(index)
    }
    return order.compactMap { members[$0] }
  }

  /// What ``clusters`` are, for people.
  package var clusterName: String {
    Set(items.map(\.document)).count >= Self.fewestDocuments ? "document" : "passage"
  }

  /// An interval over fewer clusters would say more than it knows.
  private static let fewestDocuments = 10
}
