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
  private let template: ChatTemplate?
  private let toolTemplate: ChatTemplate?
  private let variables: JSONObject
  private let trainOn: TrainOn

  /// - Parameters:
  ///   - template: the model's chat template; nil for a base model.
  ///   - toolTemplate: the template for conversations with tools, where it is another.
  ///   - variables: what templates see beside messages: the special tokens.
  package init(
    tokenizer: Tokenizer, template: ChatTemplate?, toolTemplate: ChatTemplate? = nil,
    variables: JSONObject, trainOn: TrainOn = .assistant
  ) {
    self.tokenizer = tokenizer
    self.template = template
    self.toolTemplate = toolTemplate ?? template
    self.variables = variables
    self.trainOn = trainOn
  }

  /// An example's sequences: one, or several where the template rewrites earlier turns, so that no
  /// text holds all of them as the model will see them.
  ///
  /// - Throws: ``HoneText/TextError`` from the template, ``ExampleFormat/Fault``.
  package func sequences(_ example: Example) throws -> [TokenSequence] {
    switch example {
    case .text(let text):
      let ids = tokenizer.encode(text) + end(after: text)
      return [TokenSequence(ids: ids, trained: ids.map { _ in true })]
    case .completion(let prompt, let completion):
      let ids = tokenizer.encode(prompt + completion) + end(after: completion)
      let known = common(tokenizer.encode(prompt), ids)
      let start = trainOn == .everything ? 0 : known
      return [TokenSequence(ids: ids, trained: ids.indices.map { $0 >= start })]
    case .conversation(let messages, let tools):
      return try sequences(messages, tools: tools)
    }
  }

  /// What a model would be asked, and what the example answers; nil for plain text.
  package func question(_ example: Example) throws -> Question? {
    switch example {
    case .text: return nil
    case .completion(let prompt, let completion):
      return Question(text: prompt, ids: tokenizer.encode(prompt), answer: completion)
    case .conversation(let messages, let tools):
      guard let last = messages.lastIndex(where: \.isTrained), last > 0,
        let template = tools == nil ? template : toolTemplate
      else { return nil }
      let text = try template.render(
        Conversation(
          messages: messages[..<last].map(\.value), tools: tools, addsGenerationPrompt: true,
          variables: variables))
      return Question(
        text: messages[last - 1].value["content"]?.string ?? "",
        ids: tokenizer.encode(text, addingSpecialTokens: false),
        answer: messages[last].value["content"]?.string ?? "")
    }
  }

  private func end(after text: String) -> [Int32] { tokenizer.endOfText.map { [$0] } ?? [] }

  // MARK: Conversations

  private func sequences(
    _ messages: [Example.Message], tools: [JSONValue]?
  ) throws -> [TokenSequence] {
    guard let template = tools == nil ? template : toolTemplate else {
      throw ExampleFormat.Fault(
        "is a conversation, but the model has no chat template: it is a base model")
    }
    func text(_ count: Int, prompting: Bool = false) throws -> String {
      try template.render(
        Conversation(
          messages: messages.prefix(count).map(\.value), tools: tools,
          addsGenerationPrompt: prompting, variables: variables))
    }
    let whole = try text(messages.count)
    let ids = tokenizer.encode(whole, addingSpecialTokens: false)
    if trainOn == .everything {
      return [TokenSequence(ids: ids, trained: ids.map { _ in true })]
    }
    var turns = messages.indices.filter { messages[$0].isTrained }
    if trainOn == .lastTurn { turns = turns.suffix(1) }

    var trained = [Bool](repeating: false, count: ids.count)
    var apart: [TokenSequence] = []
    for turn in turns {
      let upTo = turn + 1 == messages.count ? whole : try text(turn + 1)
      let start = try self.start(of: turn, in: upTo, messages, text)
      let own = upTo == whole ? ids : tokenizer.encode(upTo, addingSpecialTokens: false)
      let range = tokens(of: upTo, ids: own, from: start)
      if ids.starts(with: own[..<range.upperBound]) {
        for index in range { trained[index] = true }
      } else {
        apart.append(
          TokenSequence(ids: own, trained: own.indices.map { range.contains($0) }))
      }
    }
    let together = TokenSequence(ids: ids, trained: trained)
    return trained.contains(true) || apart.isEmpty ? apart + [together] : apart
  }

  /// Where the assistant's words of a turn begin in the text that ends with it, in UTF-8.
  private func start(
    of turn: Int, in text: String, _ messages: [Example.Message],
    _ render: (Int, Bool) throws -> String
  ) throws -> Int {
    // What the model sees when it begins to speak; some templates open a thought there that the
    // finished turn does not have, so what both share counts.
    if turn > 0, let prompt = try? render(turn, true) {
      let shared = zip(prompt.utf8, text.utf8).prefix { $0 == $1 }.count
      let before = (try? render(turn, false)).map { earlier in
        zip(earlier.utf8, text.utf8).prefix { $0 == $1 }.count
      }
      if shared >= before ?? 0, shared > 0 { return boundary(shared, in: text) }
    }
    guard let content = messages[turn].value["content"]?.string, !content.isEmpty,
      let found = text.range(ofLast: content)
    else {
      throw ExampleFormat.Fault(
        "message \(turn + 1): the chat template's text does not show where it begins")
    }
    return found
  }

  /// The nearest place at or before an offset where a character begins.
  private func boundary(_ offset: Int, in text: String) -> Int {
    let bytes = text.utf8
    var index = bytes.index(bytes.startIndex, offsetBy: offset)
    while index > bytes.startIndex, index < bytes.endIndex, bytes[index] & 0xC0 == 0x80 {
      bytes.formIndex(before: &index)
    }
    return bytes.distance(from: bytes.startIndex, to: index)
  }

  /// The tokens from an offset to the end of the turn: its end token, and not what follows it.
  private func tokens(of text: String, ids: [Int32], from offset: Int) -> Range<Int> {
    let bytes = text.utf8
    let head = String(decoding: bytes.prefix(offset), as: UTF8.self)
    let first = common(tokenizer.encode(head, addingSpecialTokens: false), ids)
    let last = ids[first...].lastIndex(where: tokenizer.endOfGeneration.contains)
    return first..<(last.map { $0 + 1 } ?? ids.count)
  }

  /// How many ids two lists share at their beginnings.
  private func common(_ first: [Int32], _ second: [Int32]) -> Int {
    zip(first, second).prefix { $0 == $1 }.count
  }
}

extension String {
  /// Where another text stands in this one for the last time, in UTF-8.
  fileprivate func range(ofLast other: String) -> Int? {
    let (bytes, wanted) = (Array(utf8), Array(other.utf8))
    guard wanted.count <= bytes.count else { return nil }
    return stride(from: bytes.count - wanted.count, through: 0, by: -1)
      .first { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) }
  }
}

/// An example as something to ask a model.
package struct Question: Sendable {
  /// What a person reads: the last message, or the prompt.
  package var text: String
  /// What the model reads.
  package var ids: [Int32]
  package var answer: String
  /// What a right answer contains, where the data says so under `expects`.
  package var expects: [String] = []
}
