import HoneFormats

/// How records are written.
package enum ExampleFormat: String, RecordFormat {
  /// `messages`, and optionally `tools`.
  case messages
  /// `prompt` and `completion`: texts, or lists of messages; optionally `tools`.
  case promptCompletion = "prompt_completion"
  /// `instruction`, optionally `input` and `system`, and `output`.
  case alpaca
  /// `conversations` of `from` and `value`; optionally `system` and `tools`.
  case shareGPT = "sharegpt"
  /// `text`.
  case text

  package var columns: (required: [String], optional: [String]) {
    switch self {
    case .messages: (["messages"], ["tools"])
    case .promptCompletion: (["prompt", "completion"], ["tools"])
    case .alpaca: (["instruction", "output"], ["input", "system"])
    case .shareGPT: (["conversations"], ["system", "tools"])
    case .text: (["text"], [])
    }
  }

  package static func expectation(of record: JSONObject) -> String {
    if PreferenceFormat.told(by: record) != nil {
      return "a preference between answers: an objective such as dpo learns from it"
    }
    return
      "no format that Hone knows: messages; prompt and completion; instruction and output; "
      + "conversations; or text. Map other names with columns, as in "
      + "{prompt: question, completion: answer}"
  }

  /// Reads a record.
  ///
  /// - Parameter mapping: the record's own names for the format's columns.
  /// - Throws: ``ExampleFault``.
  package func example(
    _ record: JSONObject, mapping: [String: String], edges: Edges = Edges()
  ) throws -> Example {
    let reader = RecordReader(record: record, mapping: mapping, format: rawValue)
    switch self {
    case .text: return .text(try reader.text("text"), edges)
    case .messages:
      let messages = try reader.messages("messages")
      guard !messages.isEmpty else { throw ExampleFault("\"messages\" has no message") }
      return .conversation(messages: messages, tools: try reader.tools())
    case .promptCompletion:
      guard reader["prompt"]?.array != nil || reader["completion"]?.array != nil else {
        return .completion(
          prompt: try reader.text("prompt"), completion: try reader.text("completion"))
      }
      let prompt = try reader.messages("prompt").map {
        Example.Message(value: $0.value, isTrained: false)
      }
      return .conversation(
        messages: prompt + (try reader.messages("completion")), tools: try reader.tools())
    case .alpaca:
      let input = try reader.optionalText("input") ?? ""
      let instruction = try reader.text("instruction")
      return .conversation(
        messages: try reader.system() + [
          .plain("user", input.isEmpty ? instruction : "\(instruction)\n\n\(input)"),
          .plain("assistant", try reader.text("output")),
        ], tools: nil)
    case .shareGPT:
      return .conversation(
        messages: try reader.system() + reader.turns(), tools: try reader.tools())
    }
  }
}
