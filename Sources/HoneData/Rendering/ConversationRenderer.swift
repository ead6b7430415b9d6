import HoneFormats
import HoneText

/// Turns conversations into tokens through a chat template, and finds the trained ones by rendering
/// the conversation up to each turn, so that any template will do.
struct ConversationRenderer: Sendable {
  private let tokenizer: Tokenizer
  private let template: ChatTemplate
  private let toolTemplate: ChatTemplate
  private let variables: JSONObject
  private let now: CalendarTime
  private let spans: TokenSpans

  init(
    tokenizer: Tokenizer, template: ChatTemplate, toolTemplate: ChatTemplate,
    variables: JSONObject, now: CalendarTime
  ) {
    self.tokenizer = tokenizer
    self.template = template
    self.toolTemplate = toolTemplate
    self.variables = variables
    self.now = now
    spans = TokenSpans(tokenizer)
  }

  func sequences(
    _ messages: [Example.Message], tools: [JSONValue]?, trainOn: TrainOn
  ) throws -> [TokenSequence] {
    let dialogue = Dialogue(messages: messages, tools: tools, renderer: self)
    let whole = Tokens(try dialogue.text(messages.count), self)
    if trainOn == .everything {
      return [TokenSequence(ids: whole.ids, trained: whole.ids.map { _ in true })]
    }
    var turns = messages.indices.filter { messages[$0].isTrained }
    if trainOn == .lastTurn { turns = turns.suffix(1) }

    var trained = [Bool](repeating: false, count: whole.ids.count)
    var apart: [TokenSequence] = []
    for turn in turns {
      let isLast = turn + 1 == messages.count
      let text = isLast ? whole.text : try dialogue.text(turn + 1)
      let start = try dialogue.start(of: turn, in: text)
      if whole.text.starts(with: text) {
        let range = turnRange(whole, from: start, to: text.count)
        for index in range { trained[index] = true }
        continue
      }
      let own = Tokens(text, self)
      let range = turnRange(own, from: start, to: text.count)
      if let shared = standing(range, of: own.ids, in: whole.ids) {
        for index in shared { trained[index] = true }
      } else {
        // The template writes this turn otherwise once others follow. What the model will see when
        // it speaks is the shorter text, so that is what it learns from.
        apart.append(
          TokenSequence(ids: own.ids, trained: own.ids.indices.map { range.contains($0) }))
      }
    }
    let together = TokenSequence(ids: whole.ids, trained: trained)
    return trained.contains(true) || apart.isEmpty ? apart + [together] : apart
  }

  func render(
    _ messages: [JSONValue], tools: [JSONValue]?, prompting: Bool
  ) throws -> [UInt8] {
    let template = tools == nil ? template : toolTemplate
    return Array(
      try template.render(
        Conversation(
          messages: messages, tools: tools, addsGenerationPrompt: prompting,
          variables: variables, now: now)
      ).utf8)
  }

  // MARK: Tokens

  /// A text with its tokens and where each ends.
  private struct Tokens {
    let text: [UInt8]
    let ids: [Int32]
    private let ends: [Int32]?
    private let tokenizer: Tokenizer

    init(_ text: [UInt8], _ renderer: ConversationRenderer) {
      self.text = text
      tokenizer = renderer.tokenizer
      // The template writes special tokens itself.
      ids = tokenizer.encode(text, addingSpecialTokens: false)
      ends = renderer.spans.ends(of: ids, in: text)
    }

    /// The first token of which any part lies at an offset or behind it.
    func token(at offset: Int) -> Int {
      if let ends {
        // The first token that ends behind the offset.
        var (low, high) = (0, ends.count)
        while low < high {
          let middle = (low + high) / 2
          if Int(ends[middle]) > offset { high = middle } else { low = middle + 1 }
        }
        return low
      }
      if offset >= text.count { return ids.count }
      let head = tokenizer.encode(Array(text[..<offset]), addingSpecialTokens: false)
      return zip(head, ids).prefix { $0 == $1 }.count
    }
  }

  /// A turn's tokens: from its first word to its end token, and not what follows that.
  private func turnRange(_ tokens: Tokens, from start: Int, to end: Int) -> Range<Int> {
    let first = tokens.token(at: start)
    let limit = max(first, tokens.token(at: end))
    let ids = tokens.ids
    guard var last = ids[first..<limit].lastIndex(where: tokenizer.endOfGeneration.contains)
    else { return first..<limit }
    // Some templates end the text once more behind the turn; the model stops at the first.
    var index = last
    while index > first {
      index -= 1
      if tokenizer.endOfGeneration.contains(ids[index]) {
        last = index
      } else if !tokenizer.bytes(of: ids[index]).allSatisfy({ $0 == 0x20 || $0 == 0x0A }) {
        break
      }
    }
    return first..<last + 1
  }

  /// Where a turn's tokens, found in the text that ends with it, stand in the whole; nil when what
  /// the model saw before them, or they themselves, are not there as they were.
  private func standing(_ range: Range<Int>, of own: [Int32], in whole: [Int32]) -> Range<Int>? {
    whole.starts(with: own[..<range.upperBound]) ? range : nil
  }
}

/// One conversation, rendered as far as needed.
private struct Dialogue {
  let messages: [Example.Message]
  let tools: [JSONValue]?
  let renderer: ConversationRenderer

  /// The text of the first messages.
  func text(_ count: Int, prompting: Bool = false) throws -> [UInt8] {
    try renderer.render(
      messages.prefix(count).map(\.value), tools: tools, prompting: prompting)
  }

  /// Where the words of a turn begin in the text that ends with it.
  func start(of turn: Int, in text: [UInt8]) throws -> Int {
    guard turn > 0, messages[turn].role == "assistant",
      let prompt = try? self.text(turn, prompting: true)
    else { return try marked(turn, in: text) }
    // What the model sees when it begins to speak is what it need not learn.
    if text.starts(with: prompt) { return prompt.count }
    // The template opens something, a thought as a rule, that the finished turn does not have: what
    // both share counts, but none of the words themselves.
    let shared = Self.common(prompt, text)
    let before = (try? self.text(turn)).map { Self.common($0, text) } ?? 0
    guard shared > before || shared == prompt.count else { return try marked(turn, in: text) }
    let words = (try? marked(turn, in: text)) ?? shared
    var start = words >= before ? min(shared, words) : shared
    while start > 0, start < text.count, text[start] & 0xC0 == 0x80 { start -= 1 }
    return start
  }

  /// Where a message's content begins, found by putting a mark in its place.
  private func marked(_ turn: Int, in text: [UInt8]) throws -> Int {
    let mark = "\u{2}mark\u{3}"
    var object = messages[turn].value.object ?? JSONObject()
    switch object["content"] {
    case .string: object["content"] = .string(mark)
    case .array(var parts):
      if let index = parts.firstIndex(where: { $0["text"]?.string != nil }),
        var part = parts[index].object
      {
        part["text"] = .string(mark)
        parts[index] = .object(part)
        object["content"] = .array(parts)
      }
    default: break
    }
    var values = messages.prefix(turn + 1).map(\.value)
    values[turn] = .object(object)
    let marked = try renderer.render(values, tools: tools, prompting: false)
    let place = Self.position(of: Array(mark.utf8), in: marked)
    guard let place, place <= text.count, marked[..<place] == text[..<place] else {
      throw ExampleFault(
        "message \(turn + 1): in the chat template's text it cannot be found where the message "
          + "begins; set train: false on it, or train on all")
    }
    return place
  }

  private static func common(_ first: [UInt8], _ second: [UInt8]) -> Int {
    zip(first, second).prefix { $0 == $1 }.count
  }

  private static func position(of wanted: [UInt8], in bytes: [UInt8]) -> Int? {
    guard let first = wanted.first else { return nil }
    return bytes.indices.first { index in
      bytes[index] == first && bytes[index...].starts(with: wanted)
    }
  }
}
