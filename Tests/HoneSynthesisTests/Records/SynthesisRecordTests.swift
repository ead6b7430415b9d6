import HoneFormats
import Testing

@testable import HoneSynthesis

@Suite struct SynthesisRecordTests {
  private static let chunk = Chunk.sample("The lamp burns oil.", headings: ["Handbook", "Lamp"])

  private static let contents: [SynthesisRecord.Content] = [
    .questionAnswer(question: "What does it burn?", answer: "Oil {0}."),
    .conversation([Turn(.system, "Be short."), Turn(.user, "Hello"), Turn(.assistant, "Hi")]),
    .instruction(instruction: "Shorten.", input: "", output: "Ok"),
    .preference(prompt: [Turn(.user, "Oil?")], chosen: "Yes.", rejected: "No."),
    .openBook(question: "Oil?", context: ["a", "b"], oracle: 1, quote: "b", answer: "Yes."),
    .openBook(question: "Oil?", context: ["a"], oracle: nil, quote: "", answer: "Not in there."),
    .extraction(text: "Ann, 7", record: .object(JSONObject([("age", .integer(7))]))),
    .examItem(question: "Oil?", choices: ["Yes", "No"], answer: "Yes", expects: []),
  ]

  private func record(_ content: SynthesisRecord.Content) -> SynthesisRecord {
    SynthesisRecord(
      content,
      provenance: Provenance(
        recipe: "domain-qa", step: "generate", parents: ["p"],
        source: Provenance.Source(Self.chunk, span: 4..<9), promptDigest: "aa",
        teacher: Provenance.Teacher(name: "smollm2-135m", checksum: "bb"), seed: .max, attempt: 2),
      attributes: ["tone": "plain", "difficulty": "easy"],
      scores: ["grounding": 0.25, "ifd": 1.5],
      verdicts: [
        Verdict("length", value: 3, threshold: 2, passes: true),
        Verdict("names_in_source", passes: false, reason: "\"Ann\" is not in the source"),
      ], split: .heldOut)
  }

  @Test(arguments: contents)
  func `every kind is read back as it was written`(_ content: SynthesisRecord.Content) throws {
    let record = record(content)
    let line = record.json.text(.spaced)
    #expect(try SynthesisRecord(JSONParser.parse(line)) == record)
    #expect(!record.isAccepted)
    #expect(record.rejection?.filter == "names_in_source")
  }

  @Test func `a line begins with what training reads, and its bytes do not vary`() {
    let line = record(Self.contents[0]).json.text(.spaced)
    #expect(
      line.hasPrefix(
        "{\"messages\": [{\"role\": \"user\", \"content\": \"What does it burn?\"}, "
          + "{\"role\": \"assistant\", \"content\": \"Oil {0}.\"}], \"_meta\": {\"id\": "))
    #expect(line.contains("{\"difficulty\": \"easy\", \"tone\": \"plain\"}"))
    for _ in 0..<20 { #expect(record(Self.contents[0]).json.text(.spaced) == line) }
  }

  @Test func `an extracted record is the answer to its text`() {
    #expect(
      record(Self.contents[6]).json.text(.spaced).hasPrefix(
        #"{"messages": [{"role": "user", "content": "Ann, 7"}, {"role": "assistant", "#
          + #""content": "{\"age\": 7}"}], "record": {"age": 7}, "_meta": "#))
  }

  @Test func `a name follows from the content and the chunk alone`() {
    let first = SynthesisRecord.sample("Why?", "So.", of: Self.chunk)
    var second = first
    second.scores["ifd"] = 1
    #expect(second.id == first.id)
    #expect(SynthesisRecord.sample("Why?", "So").id != first.id)
    #expect(SynthesisRecord.sample("Why?", "So.").id != first.id)
    #expect(Digest.of(["ab", "c"]) != Digest.of(["a", "bc"]))
  }

  @Test func `a file is read back, and an edited line is told from a whole one`() throws {
    let folder = try Folder()
    let records = Self.contents.map(record)
    let path = "\(folder.path)/accepted.jsonl"
    try SynthesisRecord.write(records, to: path)
    #expect(try SynthesisRecord.read(path) == records)

    let edited = record(Self.contents[0]).json.text(.spaced)
      .replacing("Oil {0}.", with: "Tallow.")
    let other = try folder.write(Array("\n\(edited)\n".utf8), to: "edited.jsonl")
    #expect {
      try SynthesisRecord.read(other)
    } throws: {
      "\($0)".hasPrefix("\(other): line 2: \"_meta.id\" is not the name of this content")
    }
  }

  @Test(arguments: [
    ("{}", "\"_meta\" is missing"),
    ("[]", "\"_meta\" is missing"),
    ("{\"_meta\": {\"kind\": \"poem\"}}", "\"_meta.kind\" is \"poem\"; expected one of"),
    ("{\"_meta\": {\"kind\": \"extraction\"}}", "\"record\" is missing"),
    (
      "{\"messages\": [], \"record\": 1, \"_meta\": {\"kind\": \"extraction\"}}",
      "\"messages\" is not a text and its record"
    ),
    (
      "{\"messages\": [{\"role\": \"user\", \"content\": 3}], \"_meta\": {\"kind\": "
        + "\"conversation\"}}", "\"messages[0].content\" is not a text"
    ),
    (
      "{\"question\": \"q\", \"context\": [], \"oracle\": 0, \"_meta\": {\"kind\": "
        + "\"open_book\"}}", "\"oracle\" is 0, but there are 0 passages"
    ),
  ])
  func `a broken line says which member is wrong`(_ line: String, _ message: String) throws {
    let json = try JSONParser.parse(line)
    #expect {
      try SynthesisRecord(json, file: "a.jsonl", place: "line 1")
    } throws: {
      "\($0)".hasPrefix("a.jsonl: line 1: \(message)")
    }
  }
}
