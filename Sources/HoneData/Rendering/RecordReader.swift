import HoneFormats

extension Example.Message {
  /// A message of nothing but text.
  static func plain(_ role: String, _ content: String) -> Self {
    Self(
      value: .object(JSONObject([("role", .string(role)), ("content", .string(content))])),
      isTrained: role == "assistant")
  }
}

/// Takes a record's columns by the format's names for them.
struct RecordReader {
  let record: JSONObject
  let mapping: [String: String]
  let format: String

  /// A column; nil when it is absent or null.
  subscript(column: String) -> JSONValue? {
    record[mapping[column] ?? column].flatMap { $0.isNull ? nil : $0 }
  }

  /// A column's name in the record, in quotes.
  func name(_ column: String) -> String { FormatError.quoted(mapping[column] ?? column) }

  func optionalText(_ column: String) throws -> String? {
    guard let value = self[column] else { return nil }
    guard let text = value.string else { throw ExampleFault("\(name(column)) is not text") }
    return text
  }

  func text(_ column: String) throws -> String {
    guard let text = try optionalText(column) else { throw missing(column) }
    return text
  }

  func missing(_ column: String) -> ExampleFault {
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
    return try messages(list, name(column))
  }

  /// - Parameter place: where the list stands, for errors.
  func messages(_ list: [JSONValue], _ place: String) throws -> [Example.Message] {
    try list.enumerated().map { index, value in
      let place = "\(place): message \(index + 1)"
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
