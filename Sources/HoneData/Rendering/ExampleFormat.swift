import HoneFormats

/// How records are written.
package enum ExampleFormat: String, Sendable, CaseIterable {
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

  /// The columns that a record of the format has, and those that it may have.
  package var columns: (required: [String], optional: [String]) {
    switch self {
    case .messages: (["messages"], ["tools"])
    case .promptCompletion: (["prompt", "completion"], ["tools"])
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

  /// The format of a data set, by its first record.
  ///
  /// - Throws: ``ExampleFault`` when a mapping makes no sense, or the record is of no format.
  package static func resolved(
    _ chosen: ExampleFormat?, for record: JSONObject, mapping: [String: String]
  ) throws -> ExampleFormat {
    let keys = record.keys.map(FormatError.quoted).joined(separator: ", ")
    let known = Set(allCases.flatMap { $0.columns.required + $0.columns.optional })
    for (column, own) in mapping.sorted(by: { $0.key < $1.key }) {
      guard known.contains(column) else {
        throw ExampleFault(
          "columns maps \(FormatError.quoted(column)), which is no column that Hone knows; "
            + "expected one of \(known.sorted().joined(separator: ", "))")
      }
      guard record[own] != nil || chosen?.columns.optional.contains(column) == true else {
        throw ExampleFault(
          "columns says that \(column) is in \(FormatError.quoted(own)), but the record has "
            + "\(keys)")
      }
    }
    if let chosen {
      if let missing = chosen.columns.required.first(where: { record[mapping[$0] ?? $0] == nil }) {
        throw ExampleFault(
          "has \(keys), but the format \(chosen.rawValue) needs "
            + FormatError.quoted(mapping[missing] ?? missing))
      }
      return chosen
    }
    guard let format = detected(in: record, mapping: mapping) else {
      throw ExampleFault(
        "has \(keys), which is no format that Hone knows: messages; prompt and completion; "
          + "instruction and output; conversations; or text. Map other names with columns, as in "
          + "{prompt: question, completion: answer}")
    }
    return format
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

extension Example.Message {
  /// A message of nothing but text.
  fileprivate static func plain(_ role: String, _ content: String) -> Self {
    Self(
      value: .object(JSONObject([("role", .string(role)), ("content", .string(content))])),
      isTrained: role == "assistant")
  }
}

/// Takes a record's columns by the format's names for them.
private struct RecordReader {
  let record: JSONObject
  let mapping: [String: String]
  let format: String

  /// A column; nil when it is absent or null.
  subscript(column: String) -> JSONValue? {
    record[mapping[column] ?? column].flatMap { $0.isNull ? nil : $0 }
  }

  /// A column's name in the record, in quotes.
  private func name(_ column: String) -> String { FormatError.quoted(mapping[column] ?? column) }

  func optionalText(_ column: String) throws -> String? {
    guard let value = self[column] else { return nil }
    guard let text = value.string else { throw ExampleFault("\(name(column)) is not text") }
    return text
  }

  func text(_ column: String) throws -> String {
    guard let text = try optionalText(column) else { throw missing(column) }
    return text
  }

  private func missing(_ column: String) -> ExampleFault {
    ExampleFault("has no \(name(column)), which the format \(format) needs")
  }

  func system() throws -> [Example.Message] {
    guard let text = try optionalText("system"), !text.isEmpty else { return [] }
    return [.plain("system", text)]
  }

  /// The tools: a list, or, as tables keep them, its JSON text.
  func tools() throws -> [JSONValue]? {
    guard let value = self["tools"] else { return nil }
    let list = value.array ?? value.string.flatMap { (try? JSONParser.parse($0))?.array }
    if value.string?.isEmpty == true { return nil }
    guard let list, list.allSatisfy({ $0.object != nil }) else {
      throw ExampleFault("\(name("tools")) is not a list of objects")
    }
    return list.isEmpty ? nil : list
  }

  func messages(_ column: String) throws -> [Example.Message] {
    guard let value = self[column] else { throw missing(column) }
    // Tables keep a list as its JSON text.
    guard let list = value.array ?? value.string.flatMap({ (try? JSONParser.parse($0))?.array })
    else { throw ExampleFault("\(name(column)) is not a list of messages") }
    return try list.enumerated().map { index, value in
      let place = "\(name(column)): message \(index + 1)"
      guard let object = value.object else { throw ExampleFault("\(place) is not an object") }
      return try message(object, place)
    }
  }

  private func message(_ object: JSONObject, _ place: String) throws -> Example.Message {
    var object = object
    guard let role = object["role"]?.string else {
      throw ExampleFault("\(place) has no \"role\"")
    }
    let known = ["system", "user", "assistant", "tool"]
    if let meant = Self.otherRoles[role] {
      throw ExampleFault(
        "\(place) has the role \(FormatError.quoted(role)); did you mean \(meant)?")
    }
    guard object["content"]?.isNull == false || object["tool_calls"]?.array?.isEmpty == false
    else {
      let what = known.contains(role) ? role : FormatError.quoted(role)
      throw ExampleFault("\(place), the \(what)'s, has neither \"content\" nor \"tool_calls\"")
    }
    if let content = object["content"], !content.isNull, content.string == nil,
      content.array == nil, content.object == nil
    {
      throw ExampleFault("\(place): \"content\" is neither text nor a list of parts")
    }
    let isTrained = try trains(&object, place) ?? (role == "assistant")
    return Example.Message(value: .object(object), isTrained: isTrained)
  }

  /// Takes `train`, or `weight` of 0 or 1, out of a message.
  private func trains(_ object: inout JSONObject, _ place: String) throws -> Bool? {
    var result: Bool?
    if let weight = object["weight"], !weight.isNull {
      guard let value = weight.integer, (0...1).contains(value) else {
        throw ExampleFault("\(place): \"weight\" is neither 0 nor 1")
      }
      // A weight of 1 says no more than the role does.
      if value == 0 { result = false }
    }
    if let train = object["train"], !train.isNull {
      guard let value = train.bool else {
        throw ExampleFault("\(place): \"train\" is neither true nor false")
      }
      result = value
    }
    object["weight"] = nil
    object["train"] = nil
    return result
  }

  /// Roles that other formats have, and that templates would pass over or write as they are.
  private static let otherRoles = [
    "human": "user", "gpt": "assistant", "bot": "assistant", "chatbot": "assistant",
    "ai": "assistant", "model": "assistant", "asistant": "assistant", "assistent": "assistant",
  ]

  func turns() throws -> [Example.Message] {
    guard let value = self["conversations"] else { throw missing("conversations") }
    guard let turns = value.array, !turns.isEmpty else {
      throw ExampleFault("\(name("conversations")) is not a list of turns")
    }
    return try turns.enumerated().map { index, turn in
      let place = "\(name("conversations")): turn \(index + 1)"
      // Many such files hold messages under this name.
      if let object = turn.object, object["role"] != nil { return try message(object, place) }
      guard var object = turn.object, let from = object["from"]?.string,
        let text = object["value"]?.string
      else { throw ExampleFault("\(place) has no \"from\" and \"value\"") }
      guard let role = Self.speakers[from] else {
        throw ExampleFault(
          "\(place) is from \(FormatError.quoted(from)), expected "
            + Self.speakers.keys.sorted().joined(separator: ", "))
      }
      var message = Example.Message.plain(role, text)
      message.isTrained = try trains(&object, place) ?? message.isTrained
      return message
    }
  }

  private static let speakers = [
    "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant",
    "chatgpt": "assistant", "bing": "assistant", "bard": "assistant", "model": "assistant",
    "system": "system", "tool": "tool", "function": "tool", "function_response": "tool",
    "observation": "tool",
  ]
}
