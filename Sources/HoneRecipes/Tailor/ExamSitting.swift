import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneGeneration
import HoneModels
import HoneSynthesis
import HoneTensors

/// What a model, with or without an adapter, made of an exam.
package struct ExamSitting: Sendable {
  package struct Answer: Equatable, Sendable {
    /// What it said, without choices to choose from.
    package var text: String
    /// Whether that contains everything that is expected.
    package var isRight: Bool
    /// Whether it finds the right choice the likeliest; nil where there is nothing to choose from.
    package var choosesRight: Bool?
    /// -log₂ of the probability of the right answer's text, and its length in UTF-8.
    package var bits: Double
    package var bytes: Int
  }

  package var answers: [Answer]

  package init(_ answers: [Answer]) { self.answers = answers }

  /// The longest answer that is waited for, in tokens.
  private static let maximumTokens = 64

  /// Asks every question.
  ///
  /// Choices are compared by the mean log-probability of a token after the question, so that long
  /// ones are as good as short ones.
  ///
  /// - Returns: nil when interrupted.
  package static func of(
    _ sheet: ExamSheet, _ model: LanguageModel, _ adapter: any Adapter, engine: Engine,
    isInterrupted: () -> Bool
  ) throws -> ExamSitting? {
    let renderer = try Renderer(model)
    let generator = Generator(model, adapter: adapter, engine: engine)
    let prompts = try sheet.items.map { item -> [Int32] in
      let turns = [Turn(.user, item.question), Turn(.assistant, item.answer)]
      let messages = turns.map { turn in
        Example.Message(
          value: .object(
            JSONObject([
              ("role", .string(turn.role.rawValue)), ("content", .string(turn.content)),
            ])), isTrained: turn.role == .assistant)
      }
      guard let asked = try renderer.question(.conversation(messages: messages, tools: nil)) else {
        throw GenerationError(problem: "the model has no chat template to ask an exam with")
      }
      return asked.ids
    }
    let completions = try generator.generate(
      prompts, stop: StopRules(maximumTokens: maximumTokens)
    ) { _ in !isInterrupted() }
    var answers: [Answer] = []
    for (index, item) in sheet.items.enumerated() {
      if isInterrupted() { return nil }
      let texts = [item.answer] + item.choices.filter { $0 != item.answer }
      let tokens = texts.map { model.tokenizer.encode($0, addingSpecialTokens: false) }
      let scores = try generator.score(tokens, after: prompts[index])
        .map { TokenScoreList($0) }
      let means = scores.map { $0.mean ?? -.infinity }
      let text = completions[index].text.trimmingCharacters(in: .whitespacesAndNewlines)
      answers.append(
        Answer(
          text: text, isRight: Self.isRight(text, item.expects),
          choosesRight: texts.count > 1 ? means.dropFirst().allSatisfy { $0 < means[0] } : nil,
          bits: -scores[0].sum / log(2), bytes: item.answer.utf8.count))
    }
    return ExamSitting(answers)
  }

  /// Whether a text contains everything expected, whatever the case of its letters, as words or
  /// numbers of their own: 9 is not in 98.4, and ten not in often. A plural's s may follow.
  static func isRight(_ text: String, _ expects: [String]) -> Bool {
    !expects.isEmpty
      && expects.allSatisfy { holds(Array(text.lowercased()), Array($0.lowercased())) }
  }

  private static func holds(_ text: [Character], _ word: [Character]) -> Bool {
    guard let first = word.first, let last = word.last, text.count >= word.count else {
      return false
    }
    func isPart(_ character: Character) -> Bool { character.isLetter || character.isNumber }
    // Numbers go on after a point, a comma or a colon: 98.4, 1,100, 7:40.
    func goesOn(_ index: Int, by step: Int) -> Bool {
      guard text.indices.contains(index), ".,:".contains(text[index]),
        text.indices.contains(index + step)
      else { return false }
      return text[index + step].isNumber
    }
    return (0...text.count - word.count).contains { start in
      let end = start + word.count
      guard text[start..<end].elementsEqual(word) else { return false }
      if isPart(first), start > 0, isPart(text[start - 1]) { return false }
      if first.isNumber, goesOn(start - 1, by: -1) { return false }
      if last.isNumber { return !(end < text.count && isPart(text[end])) && !goesOn(end, by: 1) }
      let rest = text[end...].prefix(while: isPart)
      return !isPart(last) || rest.isEmpty || rest.elementsEqual(["s"])
    }
  }
}
