import Foundation

/// Has a teacher answer a question, from a passage or from what it knows itself.
package enum AnswerWriting {
  /// The prompt of a question that the passage answers.
  static func openBook(
    _ question: String, of chunk: Chunk, _ prompting: SynthesisOptions.Prompting
  ) -> TeacherCall.Prompt {
    switch prompting {
    case .completion:
      .completion(
        beginning: PairMeasurer.beginning(of: chunk), rest: "Question: \(question)\nAnswer:")
    case .chat:
      .chat([
        Turn(
          .user,
          """
          \(chunk.passage)

          Question: \(question)

          Answer in one or two sentences, from the text above alone and without speaking of it.
          """)
      ])
    }
  }

  /// The prompt of the bare question.
  static func closedBook(
    _ question: String, _ prompting: SynthesisOptions.Prompting
  ) -> TeacherCall.Prompt {
    switch prompting {
    case .completion:
      .completion(beginning: PairMeasurer.nothing, rest: "Question: \(question)\nAnswer:")
    case .chat: .chat([Turn(.user, question)])
    }
  }

  /// The answer in what a teacher wrote: its first paragraph, and of one that was cut off the whole
  /// sentences alone, since a text that breaks off is known by that.
  static func answer(_ answer: TeacherAnswer) -> String {
    let text = answer.text.trimmed
    if let end = text.firstRange(of: "\n\n") {
      return String(text[..<end.lowerBound]).trimmed
    }
    guard !answer.isFinished else { return text }
    let bytes = Array(text.utf8)
    let ranges = SentenceSplitter.ranges(in: text)
    let end = ranges.last { range in
      let sentence = String(decoding: bytes[range], as: UTF8.self).trimmed
      return sentence.last { !"\"'”’»)".contains($0) }.map { ".!?…。！？".contains($0) } ?? false
    }?.upperBound
    return String(decoding: bytes[..<(end ?? 0)], as: UTF8.self).trimmed
  }

  /// The first whole sentences of a text that have no more words than allowed, one at least.
  static func shortened(_ text: String, toWords limit: Int) -> String {
    guard Words.count(text) > limit else { return text }
    let bytes = Array(text.utf8)
    func beginning(_ end: Int) -> String {
      String(decoding: bytes[..<end], as: UTF8.self).trimmed
    }
    let ranges = SentenceSplitter.ranges(in: text)
    guard let first = ranges.first else { return text }
    let end = ranges.last { Words.count(beginning($0.upperBound)) <= limit } ?? first
    return beginning(end.upperBound)
  }
}
