import Testing

@testable import HoneSynthesis

@Suite struct SeedTasksTests {
  @Test func `tasks are read in each of their forms`() throws {
    let folder = try Folder([
      "a.jsonl": """
      {"instruction": "Turn {it} round.", "input": "ab", "output": "ba"}
      {"instruction": "Say so.", "output": " So. "}

      {"prompt": "Who?", "completion": "Ada."}
      """,
      "b.jsonl": """
      {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}, \
      {"role": "assistant", "content": "Tides."}, {"role": "user", "content": "And?"}]}
      """,
    ])
    let tasks = try SeedTasks.read(["\(folder.path)/a.jsonl", "\(folder.path)/b.jsonl"])
    #expect(
      tasks == [
        SeedTask(instruction: "Turn {it} round.", input: "ab", output: "ba"),
        SeedTask(instruction: "Say so.", output: "So."),
        SeedTask(instruction: "Who?", output: "Ada."),
        SeedTask(instruction: "Why?", output: "Tides.", system: "Be brief."),
      ])
    #expect(tasks[0].request == "Turn {it} round.\n\nab")
    #expect(Set(tasks.map(\.digest)).count == 4)
  }

  @Test(arguments: [
    (
      #"{"question": "Who?"}"#,
      "has no task; expected \"instruction\" and \"output\", \"prompt\" and \"completion\", or "
        + "\"messages\""
    ),
    (
      "[1]",
      "is no object; expected \"instruction\" and \"output\", \"prompt\" and \"completion\", or "
        + "\"messages\""
    ),
    (#"{"instruction": "Who?"}"#, "\"output\" is missing"),
    (#"{"instruction": "Who?", "output": 3}"#, "\"output\" is not a text"),
    (#"{"prompt": " ", "completion": "Ada."}"#, "\"prompt\" is empty"),
    (
      #"{"messages": [{"role": "user", "content": "Who?"}]}"#,
      "\"messages\" has no question of the user with an answer after it"
    ),
    (
      #"{"messages": [{"role": "tool", "content": "Who?"}]}"#,
      "\"messages[0].role\" is \"tool\"; expected one of system, user, assistant"
    ),
  ])
  func `a line that is no task is told with its number`(line: String, problem: String) throws {
    let folder = try Folder([
      "a.jsonl": "{\"prompt\": \"Who?\", \"completion\": \"Ada.\"}\n\n\(line)\n"
    ])
    let error = #expect(throws: SynthesisError.self) {
      try SeedTasks.read(["\(folder.path)/a.jsonl"])
    }
    #expect(error?.description == "\(folder.path)/a.jsonl: line 3: \(problem)")
  }
}
