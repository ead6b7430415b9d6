import HoneFormats
import HoneText

extension Renderer {
  /// A prompt's tokens, and those of each answer behind it.
  struct Answers {
    var prompt: [Int32]
    var answers: [[Int32]]
    /// Whether the prompt alone ends otherwise than where an answer follows: a template that writes
    /// both ways, or a token across the boundary. That end is not in `prompt`; an answer begins
    /// where they part.
    var losesPromptEnd: Bool
  }

  /// A prompt with answers in tokens, as TRL makes them.
  ///
  /// A conversation's prompt is written with the beginning of an answer; the whole is written
  /// without, and what it has behind the prompt is the answer: its end token, and what the template
  /// puts behind that. Text is as it is, with the end-of-text token where it does not have it yet.
  /// Follows `DPOTrainer._prepare_dataset` and `KTOTrainer._prepare_dataset` of TRL 1.16.
  ///
  /// - Throws: ``HoneText/TextError`` from the template, ``ExampleFault``.
  func tokens(
    of prompt: Passage, with answers: [Passage], tools: [JSONValue]?
  ) throws -> Answers {
    var alone: [Int32] = []
    let wholes: [[Int32]]
    switch prompt {
    case .text(let text):
      alone = tokenizer.encode(text)
      let end = tokenizer.specialTokens.endOfText ?? ""
      wholes = answers.map { answer in
        guard case .text(let answer) = answer else { return [] }
        return tokenizer.encode(text + (answer.hasSuffix(end) ? answer : answer + end))
      }
    case .messages(let messages):
      alone = try tokens(of: messages, tools: tools, prompting: true)
      wholes = try answers.map { answer in
        guard case .messages(let answer) = answer else { return [] }
        return try tokens(of: messages + answer, tools: tools, prompting: false)
      }
    }
    let shared = wholes.map { zip(alone, $0).prefix { $0 == $1 }.count }.min() ?? 0
    return Answers(
      prompt: Array(alone[..<shared]), answers: wholes.map { Array($0[shared...]) },
      losesPromptEnd: shared < alone.count)
  }
}
