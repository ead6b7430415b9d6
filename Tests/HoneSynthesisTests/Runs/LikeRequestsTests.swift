import Testing

@testable import HoneSynthesis

@Suite struct LikeRequestsTests {
  @Test func `requests are alike by the words that they share in order`() throws {
    let seen = try LikeRequests(similarity: 0.5)
    try seen.insert("When does the north pier open in winter?", source: "")
    #expect(try seen.match("when does the NORTH pier open in winter")?.similarity == 1)
    let near = try #require(try seen.match("When does the north pier open in summer?"))
    #expect(abs(near.similarity - 5.0 / 7) < 1e-12)
    #expect(try seen.match("Who opens the gate of the castle?") == nil)
    #expect(try seen.match("") == nil)
  }

  @Test func `questions of an exam are found in each of its forms`() throws {
    let folder = try Folder([
      "exam.jsonl": """
      {"question": "Who keeps the keys of the boathouse?", "answer": "Ada."}
      {"messages": [{"role": "user", "content": "How deep is the old harbour?"}]}
      {"prompt": "Name the oldest boat of the fleet."}
      """
    ])
    let seen = try LikeRequests(similarity: 0.7)
    try seen.insert(exam: "\(folder.path)/exam.jsonl")
    for question in [
      "Who keeps the keys of the boathouse?", "How deep is the old harbour?",
      "Name the oldest boat of the fleet.",
    ] {
      #expect(try seen.match(question)?.source == "\(folder.path)/exam.jsonl")
    }
  }

  @Test func `a line without a question is told with its number`() throws {
    let folder = try Folder(["exam.jsonl": "{\"question\": \"Who?\"}\n{\"text\": \"a\"}\n"])
    let seen = try LikeRequests(similarity: 0.7)
    let error = #expect(throws: SynthesisError.self) {
      try seen.insert(exam: "\(folder.path)/exam.jsonl")
    }
    #expect(error?.description.contains("line 2") == true)
  }
}
