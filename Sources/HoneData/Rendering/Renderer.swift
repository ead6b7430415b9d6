import HoneFormats
import HoneText

/// Which tokens of an example are trained.
package enum TrainOn: String, Sendable, CaseIterable {
  /// Every turn of the assistant's, and completions.
  case assistant
  /// The assistant's last turn only.
  case lastTurn = "last"
  /// Every token.
  case everything = "all"
}

/// Turns examples into tokens and marks those that are trained.
package struct Renderer: Sendable {
  package let tokenizer: Tokenizer
  private let conversations: ConversationRenderer?
  private let trainOn: TrainOn

  /// - Parameters:
  ///   - template: the model's chat template; nil for a base model.
  ///   - toolTemplate: the template for conversations with tools, where it is another.
  ///   - variables: what templates see beside messages: the special tokens.
  ///   - now: what templates that write the date see, for all examples, so that reading one again
  ///     gives the same text; a run that is resumed passes the time that it began with.
  package init(
    tokenizer: Tokenizer, template: ChatTemplate?, toolTemplate: ChatTemplate? = nil,
    variables: JSONObject, trainOn: TrainOn = .assistant, now: CalendarTime = .current
  ) {
    self.tokenizer = tokenizer
    self.trainOn = trainOn
    conversations = template.map {
      ConversationRenderer(
        tokenizer: tokenizer, template: $0, toolTemplate: toolTemplate ?? $0,
        variables: variables, now: now)
    }
  }

  /// An example's sequences: one, or several where the template rewrites earlier turns, so that no
  /// text holds all of them as the model will see them.
  ///
  /// - Throws: ``HoneText/TextError`` from the template, ``ExampleFault``.
  package func sequences(_ example: Example) throws -> [TokenSequence] {
    switch example {
    case .text(let text, let edges):
      var ids = tokenizer.encode(text, addingSpecialTokens: edges.begins)
      if edges.ends { ids = ended(ids) }
      return [TokenSequence(ids: ids, trained: ids.map { _ in true })]
    case .completion(let prompt, let completion):
      // In one piece, so that a word across the boundary is the token that it is in other texts.
      let ids = ended(tokenizer.encode(prompt + completion))
      var known = zip(tokenizer.encode(prompt), ids).prefix { $0 == $1 }.count
      if trainOn == .everything { known = 0 }
      return [TokenSequence(ids: ids, trained: ids.indices.map { $0 >= known })]
    case .conversation(let messages, let tools):
      return try conversing().sequences(messages, tools: tools, trainOn: trainOn)
    }
  }

  /// - Throws: ``ExampleFault`` when the model has no chat template.
  private func conversing() throws -> ConversationRenderer {
    guard let conversations else {
      throw ExampleFault(
        "is a conversation, but the model has no chat template: it is a base model; use an "
          + "instruction-tuned one, or prompt and completion, or text")
    }
    return conversations
  }

  /// The tokens of a conversation as the chat template writes it.
  ///
  /// - Parameter prompting: whether the beginning of an answer follows.
  /// - Throws: ``HoneText/TextError`` from the template, ``ExampleFault`` when there is none.
  func tokens(of messages: [JSONValue], tools: [JSONValue]?, prompting: Bool) throws -> [Int32] {
    let text = try conversing().render(messages, tools: tools, prompting: prompting)
    return tokenizer.encode(text, addingSpecialTokens: false)
  }

  /// What a model would be asked, and what the example answers; nil for plain text.
  package func question(_ example: Example) throws -> Question? {
    switch example {
    case .text: return nil
    case .completion(let prompt, let completion):
      return Question(text: prompt, ids: tokenizer.encode(prompt), answer: completion)
    case .conversation(let messages, let tools):
      guard let last = messages.lastIndex(where: \.isTrained), last > 0, let conversations
      else { return nil }
      let text = try conversations.render(
        messages[..<last].map(\.value), tools: tools, prompting: true)
      return Question(
        text: messages[last - 1].value["content"]?.string ?? "",
        ids: tokenizer.encode(text, addingSpecialTokens: false),
        answer: messages[last].value["content"]?.string ?? "")
    }
  }

  /// Tokens with the end of a text, which some tokenizers add themselves.
  private func ended(_ ids: [Int32]) -> [Int32] {
    guard let end = tokenizer.endOfText, ids.last != end else { return ids }
    return ids + [end]
  }
}
