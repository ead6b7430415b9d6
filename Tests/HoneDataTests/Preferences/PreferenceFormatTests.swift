import Foundation
import HoneFormats
import Testing

@testable import HoneData

@Suite struct PreferenceFormatTests {
  private func comparisons(
    _ text: String, mapping: [String: String] = [:]
  ) throws -> [Comparison] {
    let record = try #require(try JSONParser.parse(text).object)
    let format = try PreferenceFormat.resolved(nil, for: record, mapping: mapping)
    return try format.comparisons(record, mapping: mapping)
  }

  private func words(_ passage: Passage) -> String {
    switch passage {
    case .text(let text): text
    case .messages(let messages):
      messages.map { "\($0["role"]?.string ?? ""):\($0["content"]?.string ?? "")" }
        .joined(separator: "|")
    }
  }

  private func words(_ comparison: Comparison) -> [String] {
    switch comparison.verdict {
    case .pair(let chosen, let rejected):
      [words(comparison.prompt), words(chosen), words(rejected)]
    case .single(let answer, let isDesirable):
      [words(comparison.prompt), words(answer), "\(isDesirable)"]
    }
  }

  @Test(arguments: [
    (#"{"prompt": "p", "chosen": "c", "rejected": "r"}"#, ["p", "c", "r"]),
    (#"{"chosen": "Say yes", "rejected": "Say no"}"#, ["Say", " yes", " no"]),
    (#"{"chosen": "Say yes!", "rejected": "Say yes"}"#, ["Say ye", "s!", "s"]),
    (
      #"{"prompt": [{"role": "user", "content": "p"}], "chosen": [{"role": "assistant", "content": "c"}], "rejected": [{"role": "assistant", "content": "r"}]}"#,
      ["user:p", "assistant:c", "assistant:r"]
    ),
    (
      #"{"chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "c"}], "rejected": [{"content": "p", "role": "user"}, {"role": "assistant", "content": "r"}]}"#,
      ["user:p", "assistant:c", "assistant:r"]
    ),
    // The question as text beside whole conversations, and an answer as a lone message.
    (
      #"{"prompt": "p", "chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "c"}], "rejected": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "r"}]}"#,
      ["user:p", "assistant:c", "assistant:r"]
    ),
    (
      #"{"prompt": [{"role": "user", "content": "p"}], "chosen": {"role": "assistant", "content": "c"}, "rejected": {"role": "assistant", "content": "r"}}"#,
      ["user:p", "assistant:c", "assistant:r"]
    ),
    (
      #"{"input": {"messages": [{"role": "user", "content": "p"}]}, "preferred_output": [{"role": "assistant", "content": "c"}], "non_preferred_output": [{"role": "assistant", "content": "r"}]}"#,
      ["user:p", "assistant:c", "assistant:r"]
    ),
    (#"{"prompt": "p", "completion": "c", "label": true}"#, ["p", "c", "true"]),
    (#"{"prompt": "p", "completion": "c", "label": "False"}"#, ["p", "c", "false"]),
    (#"{"prompt": "p", "completion": "c", "label": 1}"#, ["p", "c", "true"]),
    // Lists as tables keep them.
    (
      #"{"chosen": "[{\"role\": \"user\", \"content\": \"p\"}, {\"role\": \"assistant\", \"content\": \"c\"}]", "rejected": "[{\"role\": \"user\", \"content\": \"p\"}, {\"role\": \"assistant\", \"content\": \"r\"}]"}"#,
      ["user:p", "assistant:c", "assistant:r"]
    ),
  ])
  func `each form says prompt and verdict`(_ text: String, _ expected: [String]) throws {
    #expect(try comparisons(text).map(words) == [expected])
  }

  @Test func `a ranked list is every pair of it`() throws {
    #expect(
      try comparisons(#"{"prompt": "p", "completions": ["a", "b", "c"]}"#).map(words)
        == [["p", "a", "b"], ["p", "a", "c"], ["p", "b", "c"]])
  }

  @Test func `scores rank, and equal ones make no pair`() throws {
    #expect(
      try comparisons(#"{"prompt": "p", "completions": ["a", "b", "c"], "scores": [1, 2.5, 1]}"#)
        .map(words) == [["p", "b", "a"], ["p", "b", "c"]])
  }

  @Test func `columns can have other names`() throws {
    #expect(
      try comparisons(
        #"{"question": "p", "better": "c", "worse": "r"}"#,
        mapping: ["prompt": "question", "chosen": "better", "rejected": "worse"]
      ).map(words) == [["p", "c", "r"]])
  }

  @Test(arguments: [
    (#"{"prompt": "p"}"#, "no format of preferences that Hone knows"),
    (#"{"prompt": "p", "chosen": "c"}"#, "no format of preferences that Hone knows"),
    (#"{"prompt": "p", "chosen": 3, "rejected": "r"}"#, "\"chosen\" is neither text nor messages"),
    (#"{"prompt": "p", "chosen": null, "rejected": "r"}"#, "has no \"chosen\""),
    (
      #"{"chosen": "c", "rejected": [{"role": "user", "content": "r"}]}"#,
      "\"chosen\" is text, but \"rejected\" is messages"
    ),
    (
      #"{"prompt": [{"role": "user", "content": "p"}], "chosen": "c", "rejected": "r"}"#,
      "\"prompt\" is messages, but \"chosen\" is text"
    ),
    (
      #"{"prompt": "p", "chosen": [{"role": "assistant", "content": "c"}], "rejected": [{"role": "assistant", "content": "r"}]}"#,
      "\"prompt\" is text, but \"chosen\" is messages"
    ),
    (
      #"{"prompt": [{"content": "p"}], "chosen": [], "rejected": []}"#,
      "\"prompt\": message 1 has no \"role\""
    ),
    (
      #"{"chosen": [{"role": "bot", "content": "c"}], "rejected": []}"#, "did you mean assistant?"
    ),
    (
      #"{"prompt": "p", "completion": "c", "label": "good"}"#, "\"label\" is neither true nor false"
    ),
    (#"{"prompt": "p", "completion": "c", "label": 2}"#, "\"label\" is neither true nor false"),
    (#"{"prompt": "p", "completion": "c", "label": null}"#, "has no \"label\""),
    (
      #"{"input": "p", "preferred_output": [], "non_preferred_output": []}"#,
      "\"input\" is not an object with \"messages\""
    ),
    (
      #"{"input": {"messages": "p"}, "preferred_output": [], "non_preferred_output": []}"#,
      "\"messages\" is not a list of messages"
    ),
    (
      #"{"input": {"messages": []}, "preferred_output": "c", "non_preferred_output": "r"}"#,
      "\"input\" is messages, but \"preferred_output\" is text"
    ),
    (#"{"prompt": "p", "completions": ["a"]}"#, "not a list of two or more answers"),
    (#"{"prompt": "p", "completions": "a"}"#, "not a list of two or more answers"),
    (#"{"prompt": "p", "completions": ["a", "b"], "scores": [1]}"#, "not a list of 2 numbers"),
    (
      #"{"prompt": "p", "completions": ["a", "b"], "scores": [1, 1]}"#,
      "ranks no answer above another"
    ),
    (
      #"{"prompt": "p", "completions": ["a", "b"], "labels": [true, false]}"#,
      "for the steps of one answer"
    ),
  ])
  func `faults say what`(_ text: String, _ expected: String) {
    #expect {
      try comparisons(text)
    } throws: {
      ($0 as? ExampleFault)?.sentence.contains(expected) == true
    }
  }

  @Test func `texts that share nothing have no prompt`() throws {
    #expect(try comparisons(#"{"chosen": "a ", "rejected": "b"}"#).map(words) == [["", "a ", "b"]])
  }
}
