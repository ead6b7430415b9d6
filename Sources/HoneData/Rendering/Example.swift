import HoneFormats

/// What is learned from: a conversation, a prompt with its completion, or plain text.
package enum Example: Sendable {
  /// Messages with whether each may be trained, and the tools they may call.
  case conversation(messages: [Message], tools: [JSONValue]?)
  case completion(prompt: String, completion: String)
  /// Text, with whether it is a document's beginning and end.
  case text(String, Edges = Edges())

  package struct Message: Sendable {
    /// As the template sees it.
    package var value: JSONValue
    /// Whether it is the assistant's, or marked `train: true`, and not marked `train: false`.
    package var isTrained: Bool

    package init(value: JSONValue, isTrained: Bool) {
      self.value = value
      self.isTrained = isTrained
    }

    var role: String { value["role"]?.string ?? "" }
  }
}

/// What is wrong with an example, as the end of a sentence that starts with its place.
package struct ExampleFault: Error {
  package let sentence: String
  init(_ sentence: String) { self.sentence = sentence }
}
