import HoneFormats

/// What a row of preferences says about one prompt, in words.
package struct Comparison: Sendable {
  package var prompt: Passage
  package var verdict: Verdict
  package var tools: [JSONValue]?

  package enum Verdict: Sendable {
    /// One answer is better than the other.
    case pair(chosen: Passage, rejected: Passage)
    /// An answer is good or bad by itself.
    case single(Passage, isDesirable: Bool)
  }

  init(prompt: Passage, verdict: Verdict, tools: [JSONValue]? = nil) {
    self.prompt = prompt
    self.verdict = verdict
    self.tools = tools
  }
}

/// A prompt or an answer: text as it is, or messages for the chat template.
package enum Passage: Sendable {
  case text(String)
  case messages([JSONValue])

  /// Whether it says nothing, or has nothing but white space.
  var isEmpty: Bool {
    switch self {
    case .text(let text): text.allSatisfy(\.isWhitespace)
    case .messages(let messages):
      messages.allSatisfy { message in
        message["tool_calls"]?.array?.isEmpty != false
          && (message["content"].map {
            $0.isNull || $0.string?.allSatisfy(\.isWhitespace) == true
          } ?? true)
      }
    }
  }

  /// The last message, or the text.
  var question: String {
    switch self {
    case .text(let text): text
    case .messages(let messages): messages.last?["content"]?.string ?? ""
    }
  }

  func equals(_ other: Passage) -> Bool {
    switch (self, other) {
    case (.text(let one), .text(let two)): one.unicodeScalars.elementsEqual(two.unicodeScalars)
    case (.messages(let one), .messages(let two)): one.elementsEqual(two, by: Self.same)
    default: false
    }
  }

  /// Two whole texts or conversations as what they begin with together, and what is left of each;
  /// as TRL's `extract_prompt` cuts them, character by character or message by message.
  ///
  /// A space at the end of what texts share goes to the answers, and where one is the beginning of
  /// the other, so does the last that they share. The prompt is empty where they share nothing.
  static func parted(
    _ chosen: Passage, _ rejected: Passage
  ) -> (prompt: Passage, chosen: Passage, rejected: Passage) {
    switch (chosen, rejected) {
    case (.text(let one), .text(let two)):
      let (first, second) = (Array(one.unicodeScalars), Array(two.unicodeScalars))
      var shared = sharedCount(first, second, by: ==)
      if shared < min(first.count, second.count), shared > 0, first[shared - 1] == " " {
        shared -= 1
      } else if shared > 0, shared == min(first.count, second.count) {
        shared -= 1
      }
      func text(_ scalars: ArraySlice<Unicode.Scalar>) -> Passage {
        .text(String(String.UnicodeScalarView(scalars)))
      }
      return (text(first[..<shared]), text(first[shared...]), text(second[shared...]))
    case (.messages(let first), .messages(let second)):
      var shared = sharedCount(first, second, by: same)
      if shared > 0, shared == min(first.count, second.count) { shared -= 1 }
      return (
        .messages(Array(first[..<shared])), .messages(Array(first[shared...])),
        .messages(Array(second[shared...]))
      )
    default: return (.text(""), chosen, rejected)
    }
  }

  private static func sharedCount<Element>(
    _ first: [Element], _ second: [Element], by same: (Element, Element) -> Bool
  ) -> Int {
    zip(first, second).prefix { same($0, $1) }.count
  }

  /// Whether two messages have the same members, in whatever order.
  private static func same(_ one: JSONValue, _ two: JSONValue) -> Bool {
    guard let one = one.object, let two = two.object, one.count == two.count else { return false }
    return one.allSatisfy { two[$0] == $1 }
  }
}
