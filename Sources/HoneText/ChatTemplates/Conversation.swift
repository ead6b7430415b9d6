import HoneFormats

/// What a chat template turns into text: messages, tools, and the variables beside them.
public struct Conversation: Equatable, Sendable {
  /// Objects, as a rule with `role` and `content`.
  public var messages: [JSONValue]
  /// JSON schemas of the functions that the model may call; templates see `none` when there are none.
  public var tools: [JSONValue]?
  /// Objects with `title` and `text`, for templates that quote sources.
  public var documents: [JSONValue]?
  /// Whether the text ends with the beginning of the assistant's answer.
  public var addsGenerationPrompt: Bool
  /// Everything else: `bos_token`, `eos_token`, `enable_thinking` and the like.
  public var variables: JSONObject
  /// What `strftime_now` shows; nil takes the clock.
  public var now: CalendarTime?

  public init(
    messages: [JSONValue], tools: [JSONValue]? = nil, documents: [JSONValue]? = nil,
    addsGenerationPrompt: Bool = false, variables: JSONObject = JSONObject(),
    now: CalendarTime? = nil
  ) {
    self.messages = messages
    self.tools = tools
    self.documents = documents
    self.addsGenerationPrompt = addsGenerationPrompt
    self.variables = variables
    self.now = now
  }

  private static let tokens = ["bos_token", "eos_token", "pad_token", "unk_token"]

  /// Reads the file of `hone render`: an object with `messages`, and optionally `tools`,
  /// `documents`, `add_generation_prompt`, the special tokens, `now` (`2024-07-26`, with or without
  /// a time), and any further variables.
  ///
  /// - Throws: ``TextError`` naming the key whose value has the wrong type.
  public init(json: JSONValue, file: String) throws {
    guard let object = json.object else {
      throw TextError(
        subject: file, problem: "is not a JSON object",
        advice: "write {\"messages\": [{\"role\": \"user\", \"content\": \"...\"}]}")
    }
    let reader = Reader(object: object, file: file)
    guard let messages = try reader.objects("messages") else {
      throw TextError(
        subject: file, problem: "has no \"messages\"",
        advice: "give a list of {\"role\": ..., \"content\": ...}")
    }
    self.init(messages: messages)
    tools = try reader.objects("tools")
    documents = try reader.objects("documents")
    addsGenerationPrompt = try reader.bool("add_generation_prompt") ?? false
    if let text = try reader.string("now") {
      guard let time = CalendarTime(text) else {
        throw reader.fault("now", "'\(text)' is no date", "write it like 2024-07-26")
      }
      now = time
    }
    let own = ["messages", "tools", "documents", "add_generation_prompt", "now"]
    for (key, value) in object where !own.contains(key) {
      if Self.tokens.contains(key) {
        // A token that is null is one that the tokenizer does not have.
        if let token = try reader.string(key) { variables[key] = .string(token) }
      } else {
        variables[key] = value
      }
    }
  }

  /// Takes one key at a time; an absent or null one is nothing.
  private struct Reader {
    let object: JSONObject
    let file: String

    func fault(_ key: String, _ problem: String, _ advice: String = "") -> TextError {
      TextError(subject: file, place: "\"\(key)\"", problem: problem, advice: advice)
    }

    private func value<T>(_ key: String, _ type: String, _ read: (JSONValue) -> T?) throws -> T? {
      guard let value = object[key], !value.isNull else { return nil }
      guard let result = read(value) else { throw fault(key, "must be \(type)") }
      return result
    }

    func string(_ key: String) throws -> String? { try value(key, "a string", \.string) }
    func bool(_ key: String) throws -> Bool? { try value(key, "true or false", \.bool) }

    func objects(_ key: String) throws -> [JSONValue]? {
      let list = try value(key, "a list of objects", \.array)
      for (index, item) in (list ?? []).enumerated() where item.object == nil {
        throw fault(key, "element \(index) is not an object")
      }
      return list
    }
  }

  // MARK: For the template

  private static let reasoningFields = ["reasoning_content", "thinking", "reasoning"]

  /// The messages with their reasoning under each name that templates read, as in transformers.
  var messagesWithReasoning: [JSONValue] {
    messages.map { message in
      guard let object = message.object,
        let reasoning = Self.reasoningFields.lazy.compactMap({ name -> JSONValue? in
          guard let value = object[name], !value.isNull else { return nil }
          return value
        }).first
      else { return message }
      var result = JSONObject()
      result["thinking"] = reasoning
      for (key, value) in object { result[key] = value }
      result["reasoning_content"] = reasoning
      return .object(result)
    }
  }
}
