import Foundation
import HoneFormats

/// Records of passages: what each says, as a value of the recipe's JSON Schema.
///
/// The teacher is held to the schema token by token, so what it writes is valid whatever its size;
/// whether it is true is asked of each value, which must stand in the passage.
package struct Extraction: SynthesisPipeline {
  package static let name = "extraction"
  package static let readsSchema = true
  package static let drawsSamplers = false
  // One record of each passage before any is tried again.
  package static let perVisit = 1
  package static let steps = [
    Step("ingest", [], [.passage], "reads the documents and cuts them into passages"),
    Step(
      "extract", [.passage], [.record],
      "has the teacher write a passage's record, held to the schema, and checks its values"),
  ]

  private let options: SynthesisOptions
  private let schema: RecordSchema

  /// - Throws: ``SynthesisError`` or ``HoneFormats/FormatError`` for a recipe without a schema, one
  ///   that cannot be read, or one whose records are longer than the teacher may write.
  package init(_ options: SynthesisOptions) throws {
    guard let path = options.schema else {
      throw SynthesisError("schema", problem: "is not set", advice: "name a JSON Schema")
    }
    schema = try RecordSchema(path: path)
    guard schema.shortestRecord <= options.maximumTokens else {
      throw SynthesisError(
        "teacher.max_tokens",
        problem: "is \(options.maximumTokens), and the shortest record of the schema may take "
          + "\(schema.shortestRecord)", advice: "set it to more than that")
    }
    self.options = options
  }

  package var examples: String { options.prompting == .chat ? request : preface }

  /// What a teacher in a conversation is asked of a passage.
  private var request: String {
    """
    Write what this text says as one JSON object of this schema. Take every value from the text.

    \(schema.json.text(.spaced))
    """
  }

  /// What a teacher reads before a passage that it goes on from.
  private var preface: String {
    """
    Passages, each with what it says as one JSON object of this schema. Every value is taken from the passage.

    \(schema.json.text(.spaced))


    """
  }

  private func call(for slot: Slot, _ workshop: Workshop) -> TeacherCall {
    let passage = slot.chunk?.ownPassage ?? ""
    let prompt: TeacherCall.Prompt =
      switch options.prompting {
      case .completion:
        .completion(
          beginning: "\(preface)Passage:\n\(passage)\n\n", rest: "Record as JSON:\n")
      case .chat: .chat([Turn(.user, "\(passage)\n\n\(request)")])
      }
    return workshop.call(prompt, step: "extract", at: slot, stops: [], schema: schema.json)
  }

  package func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord] {
    let calls = slots.map { call(for: $0, workshop) }
    let answers = try await workshop.answers(to: calls)
    return zip(slots, zip(calls, answers)).map { slot, made in
      let (call, answer) = made
      let text = slot.chunk?.ownPassage ?? ""
      let (record, verdicts) = judged(answer, of: text)
      return SynthesisRecord(
        .extraction(text: text, record: record),
        provenance: workshop.provenance(of: call, step: "extract", at: slot), verdicts: verdicts)
    }
  }

  /// The record in what a teacher wrote, and what is to be said of it.
  private func judged(
    _ answer: TeacherAnswer, of text: String
  ) -> (record: JSONValue, verdicts: [Verdict]) {
    func failed(_ record: JSONValue, _ reason: String) -> (JSONValue, [Verdict]) {
      (record, [Verdict("form", passes: false, reason: reason)])
    }
    let written = answer.text.trimmed
    guard let record = try? JSONParser.parse(written) else {
      return failed(
        .string(written),
        answer.isFinished
          ? "what the teacher wrote is not JSON" : "what the teacher wrote is cut off")
    }
    if let fault = schema.schema.fault(in: record) { return failed(record, fault) }
    if let twin = Self.twin(in: record) {
      return failed(record, "a list of the record has \(twin.text(.spaced)) twice")
    }
    return (
      record, [GroundedValues.verdict(on: record, in: text, listed: schema.schema.listedValues)]
    )
  }

  /// What a list has twice, as models do that have nothing left to say.
  private static func twin(in value: JSONValue) -> JSONValue? {
    switch value {
    case .array(let items):
      for (index, item) in items.enumerated() where items[..<index].contains(item) { return item }
      return items.lazy.compactMap { twin(in: $0) }.first
    case .object(let members):
      return members.values.lazy.compactMap { twin(in: $0) }.first
    default: return nil
    }
  }

  /// There is no question to measure an answer by.
  package func pairs(of record: SynthesisRecord, at slot: Slot) -> [(
    question: String, answer: String
  )] { [] }
}
