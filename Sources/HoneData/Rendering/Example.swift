import HoneFormats

/// What is learned from: a conversation, a prompt with its completion, or plain text.
package enum Example: Sendable {
  /// Messages with whether each may be trained, and the tools they may call.
  case conversation(messages: [Message], tools: [JSONValue]?)
  case completion(prompt: String, completion: String)
  case text(String)

  package struct Message: Sendable {
    /// As the template sees it.
    package var value: JSONValue
    /// Whether it is the assistant's and not marked `train: false`.
    package var isTrained: Bool
  }
}

/// How records are written.
package enum ExampleFormat: String, Sendable, CaseIterable {
  /// `messages`, and optionally `tools`.
  case messages
  /// `prompt` and `completion`: texts, or lists of messages.
  case promptCompletion = "prompt_completion"
  /// `instruction`, optionally `input`, and `output`.
  case alpaca
  /// `conversations` of `from` and `value`.
  case shareGPT = "sharegpt"
  /// `text`.
  case text

  /// The columns that a record of the format has; those in brackets it may have.
  fileprivate var columns: (required: [String], optional: [String]) {
    switch self {
    case .messages: (["messages"], ["tools"])
    case .promptCompletion: (["prompt", "completion"], [])
    case .alpaca: (["instruction", "output"], ["input", "system"])
    case .shareGPT: (["conversations"], ["system", "tools"])
    case .text: (["text"], [])
    }
  }

  /// The format whose columns a record has.
  package static func detected(in record: JSONObject, mapping: [String: String]) -> ExampleFormat? {
    allCases.first { format in
      format.columns.required.allSatisfy { record[mapping[$0] ?? $0] != nil }
    }
  }

  /// Reads a record.
  ///
  /// - Parameter mapping: the record's own names for the format's columns.
  /// - Throws: ``Fault`` as the end of a sentence that starts with the line.
  package func example(_ record: JSONObject, mapping: [String: String]) throws -> Example {
    var columns = JSONObject()
    for name in self.columns.required + self.columns.optional {
      if let value = record[mapping[name] ?? name], !value.isNull { columns[name] = value }
    }
    func text(_ name: String) throws -> String {
      guard let value = columns[name] else {
        throw Fault("has no \"\(mapping[name] ?? name)\"")
      }
      guard let text = value.string else {
        throw Fault("\"\(mapping[name] ?? name)\" is not text")
      }
      return text
    }
    switch self {
    case .text: return .text(try text("text"))
    case .messages:
      return try Self.conversation(columns["messages"], "messages", tools: columns["tools"])
    case .promptCompletion:
      if columns["prompt"]?.array != nil || columns["completion"]?.array != nil {
        return try Self.conversation(prompt: columns["prompt"], completion: columns["completion"])
      }
      return .completion(prompt: try text("prompt"), completion: try text("completion"))
    case .alpaca:
      let input = columns["input"] == nil ? "" : try text("input")
      let instruction = try text("instruction")
      var messages = [
        Self.message("user", input.isEmpty ? instruction : "\(instruction)\n\n\(input)"),
        Self.message("assistant", try text("output")),
      ]
      if columns["system"] != nil {
        messages.insert(Self.message("system", try text("system")), at: 0)
      }
      return .conversation(messages: messages, tools: nil)
    case .shareGPT:
      guard let turns = columns["conversations"]?.array, !turns.isEmpty else {
        throw Fault("\"conversations\" is not a list of turns")
      }
      var messages = try turns.enumerated().map { index, turn -> Example.Message in
        guard let from = turn["from"]?.string, let value = turn["value"]?.string else {
          throw Fault("turn \(index + 1) has no \"from\" and \"value\"")
        }
        guard let role = Self.roles[from] else {
          throw Fault(
            "turn \(index + 1) is from \"\(from)\", expected "
              + Self.roles.keys.sorted().joined(separator: ", "))
        }
        return Self.message(role, value)
      }
      if columns["system"] != nil {
        messages.insert(Self.message("system", try text("system")), at: 0)
      }
      return .conversation(messages: messages, tools: columns["tools"]?.array)
    }
  }

  /// What is wrong with a record.
  package struct Fault: Error {
    package let sentence: String
    init(_ sentence: String) { self.sentence = sentence }
  }

  private static let roles = [
    "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant",
    "chatgpt": "assistant", "bing": "assistant", "system": "system", "tool": "tool",
    "function": "tool", "observation": "tool",
  ]

  private static func message(_ role: String, _ content: String) -> Example.Message {
    Example.Message(
      value: .object(JSONObject([("role", .string(role)), ("content", .string(content))])),
      isTrained: role == "assistant")
  }

  private static func conversation(
    _ value: JSONValue?, _ name: String, tools: JSONValue?
  ) throws -> Example {
    let messages = try messages(value, name)
    guard !messages.isEmpty else { throw Fault("\"\(name)\" has no message") }
    // Data sets in columns often keep their tools as JSON in a string.
    var list = tools?.array
    if let text = tools?.string { list = (try? JSONParser.parse(text))?.array }
    if let tools, list == nil, !tools.isNull { throw Fault("\"tools\" is not a list") }
    return .conversation(messages: messages, tools: list.flatMap { $0.isEmpty ? nil : $0 })
  }

  private static func conversation(
    prompt: JSONValue?, completion: JSONValue?
  ) throws -> Example {
    let before = try messages(prompt, "prompt").map {
      Example.Message(value: $0.value, isTrained: false)
    }
    return .conversation(messages: before + (try messages(completion, "completion")), tools: nil)
  }

  private static func messages(_ value: JSONValue?, _ name: String) throws -> [Example.Message] {
    guard let list = value?.array else { throw Fault("\"\(name)\" is not a list of messages") }
    return try list.enumerated().map { index, value in
      guard var object = value.object, let role = object["role"]?.string else {
        throw Fault("\"\(name)\": message \(index + 1) has no \"role\"")
      }
      guard object["content"] != nil || object["tool_calls"] != nil else {
        throw Fault("\"\(name)\": message \(index + 1) has neither \"content\" nor \"tool_calls\"")
      }
      let train = object["train"]
      if train != nil, train?.bool == nil {
        throw Fault("\"\(name)\": message \(index + 1): \"train\" is neither true nor false")
      }
      object["train"] = nil
      return Example.Message(
        value: .object(object), isTrained: train?.bool ?? (role == "assistant"))
    }
  }
}
