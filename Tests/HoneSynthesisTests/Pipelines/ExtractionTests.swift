import HoneFormats
import HoneGeneration
import Testing

@testable import HoneSynthesis

@Suite struct ExtractionTests {
  private static let schema = """
    {"type": "object", "properties": {"name": {"type": "string", "maxLength": 40},
    "kind": {"enum": ["ferry", "barge"]}, "seats": {"type": "integer"}},
    "required": ["name", "kind"]}
    """
  private static let chunk = Chunk.sample(
    "The  ASTER carries 62 passengers\nacross the bay {and back}.", headings: ["Boats"])

  private func record(_ text: String, isFinished: Bool = true) async throws -> SynthesisRecord {
    let bench = try PipelineBench("extraction", schema: Self.schema) { _ in
      .said(text, isFinished: isFinished)
    }
    let records = try await Extraction(bench.options)
      .make([Slot(chunk: Self.chunk, attempt: 0)], bench.workshop)
    let call = try #require(bench.teacher.asked.first)
    #expect(try call.schema == JSONParser.parse(Self.schema))
    #expect(
      call.text.hasPrefix("Passages, each with what it says as one JSON object of this schema."))
    #expect(call.text.contains(try JSONParser.parse(Self.schema).text(.spaced)))
    #expect(call.text.hasSuffix("Passage:\nBoats\n\n\(Self.chunk.text)\n\nRecord as JSON:\n"))
    return try #require(records.first)
  }

  @Test(arguments: [
    #"{"name": "Aster", "kind": "ferry", "seats": 62}"#,
    // What the schema lists need not stand in the passage, and short words are none.
    #"{"name": "the aster carries", "kind": "barge"}"#,
    #"{"name": "MS", "kind": "ferry"}"#,
  ])
  func `a record of the schema whose values stand in the passage is good`(text: String)
    async throws
  {
    let record = try await record(text)
    #expect(record.isAccepted)
    #expect(
      record.content
        == .extraction(text: Self.chunk.passage, record: try JSONParser.parse(text)))
    let context = FilterContext(chunk: Self.chunk)
    for filter in try HardFilters.chosen(["all"], personalData: "mask") {
      #expect(filter.judge(record, in: context).reason == "")
    }
  }

  @Test(arguments: [
    (#"{"name": "Rosemary", "kind": "ferry"}"#, "the record's \"Rosemary\" is not in the passage"),
    (
      #"{"name": "Aster", "kind": "ferry", "seats": 63}"#,
      "the record's 63 is not in the passage"
    ),
  ])
  func `a value that the passage does not have is told`(text: String, reason: String) async throws {
    let verdict = try await record(text).rejection
    #expect(verdict?.filter == "grounded_values")
    #expect(verdict?.reason == reason)
  }

  @Test(arguments: [
    (#"{"name": "Aster", "ki"#, false, "what the teacher wrote is cut off"),
    ("a boat", true, "what the teacher wrote is not JSON"),
    (#"{"name": "Aster"}"#, true, "$ has no kind"),
    (#"{"name": "Aster", "kind": "raft"}"#, true, "$.kind is none of \"ferry\", \"barge\""),
  ])
  func `what is no record of the schema is told`(text: String, isFinished: Bool, reason: String)
    async throws
  {
    let verdict = try await record(text, isFinished: isFinished).rejection
    #expect(verdict?.filter == "form")
    #expect(verdict?.reason == reason)
  }

  @Test func `numbers are compared by their digits, in either way of writing them`() throws {
    let text = "It weighs 1,200 kg and costs 3,5 million; built 1998."
    func reason(_ value: JSONValue) -> String {
      GroundedValues.verdict(on: .array([value]), in: text, listed: [.integer(7)]).reason
    }
    for value in [1200, 3.5, 1998, 1200.0] as [Double] { #expect(reason(.number(value)) == "") }
    for value in [1200, 7] { #expect(reason(.integer(value)) == "") }
    #expect(reason(.number(4.5)) == "the record's 4.5 is not in the passage")
    #expect(reason(.bool(true)) == "" && reason(.null) == "")
  }

  @Test func `a text that a chunk repeats of the one before is no part of its record`() {
    let chunk = Chunk(
      document: "a.md", documentDigest: "1", headings: ["Boats"], range: 0..<16, overlap: 7,
      text: "before. The tide", tokenCount: 4)
    #expect(chunk.ownPassage == "Boats\n\nThe tide")
  }

  @Test func `too few tokens for any record are told beforehand`() throws {
    let bench = try PipelineBench("extraction", schema: Self.schema, maximumTokens: 8) { _ in
      .said("")
    }
    defer { withExtendedLifetime(bench) {} }
    let error = #expect(throws: SynthesisError.self) { _ = try Extraction(bench.options) }
    #expect(error?.description.hasPrefix("teacher.max_tokens: is 8, and the shortest") == true)
    let none = try PipelineBench("extraction") { _ in .said("") }
    #expect(throws: SynthesisError.self) { _ = try Extraction(none.options) }
  }

  @Test func `a list that says the same twice is no record`() async throws {
    let schema = """
      {"type": "object", "required": ["boats"], "properties": {"boats": {"type": "array", "maxItems": 3, \
      "items": {"type": "string", "maxLength": 20}}}}
      """
    for (text, reason) in [
      (#"{"boats": ["Aster", "bay", "Aster"]}"#, #"a list of the record has "Aster" twice"#),
      (#"{"boats": ["Aster", "bay"]}"#, nil),
    ] {
      let bench = try PipelineBench("extraction", schema: schema, maximumTokens: 256) { _ in
        .said(text)
      }
      let made = try await Extraction(bench.options)
        .make([Slot(chunk: Self.chunk, attempt: 0)], bench.workshop)
      #expect(made[0].rejection?.reason == reason)
    }
  }

  @Test func `a local teacher is held to the schema, which is part of a call's key`() async throws {
    let reader = try LocalTeacher.tiny()
    let json = try JSONParser.parse(Self.schema)
    var calls = (0..<3).map { seed in
      TeacherCall(
        .completion(beginning: "Passage:\nBoats\n\n", rest: "Record as JSON:\n"),
        maximumTokens: 100, temperature: 1, seed: UInt64(seed), schema: json)
    }
    let folder = try Folder()
    defer { withExtendedLifetime(folder) {} }
    let ledger = CallLedger(try CallStore(path: "\(folder.path)/calls.sqlite"))
    let schema = try JSONSchema(json)
    for answer in try await ledger.answers(of: reader, to: calls) {
      #expect(schema.fault(in: try JSONParser.parse(answer.text)) == nil, "\(answer.text)")
    }
    let key = try reader.key(of: calls[0])
    calls[0].schema = nil
    #expect(try reader.key(of: calls[0]) != key)
  }

  @Test func `each passage has one record before any is tried again`() {
    let chunks = ["a", "b"].map { Chunk.sample($0) }
    let slots = SlotSequence(chunks: chunks, perVisit: Extraction.perVisit) { _ in [nil] }.prefix(6)
    #expect(slots.map(\.attempt) == [0, 0, 1, 1, 2, 2])
    #expect(slots.map { $0.chunk?.text } == ["a", "b", "a", "b", "a", "b"])
  }
}
