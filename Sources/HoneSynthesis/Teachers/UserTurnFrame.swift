import Foundation
import HoneFormats
import HoneModels
import HoneText

/// What a model's chat template writes around a user's message.
struct UserTurnFrame {
  /// What the user's message begins after.
  let before: String
  /// What ends it.
  let after: String

  /// Nothing that a template or a user would write.
  private static let placeholder = "hone.user.message.5d1c0a7e"

  /// - Parameter system: what the model is told before; nil leaves it to the template.
  /// - Throws: ``SynthesisError`` for a template that does not write the message as it stands, or
  ///   nothing before it, and what templates throw.
  init(_ format: ChatFormat, system: String?) throws {
    func message(_ role: Turn.Role, _ content: String) -> JSONValue {
      .object(JSONObject([("role", .string(role.rawValue)), ("content", .string(content))]))
    }
    let messages =
      (system.map { [message(.system, $0)] } ?? []) + [message(.user, Self.placeholder)]
    let text = try format.render(Conversation(messages: messages))
    // The last: what the system is told may hold anything.
    guard let place = text.range(of: Self.placeholder, options: .backwards) else {
      throw SynthesisError(
        format.path, place: "chat template",
        problem: "does not write the user's message as it stands",
        advice: "what users ask cannot be sampled from this model")
    }
    before = String(text[..<place.lowerBound])
    after = String(text[place.upperBound...])
    guard !before.trimmed.isEmpty else {
      throw SynthesisError(
        format.path, place: "chat template", problem: "writes nothing before the user's message",
        advice: "what users ask cannot be sampled from this model")
    }
  }

  /// What ends the message: every special token of the frame, since each begins or ends something
  /// else, and, where none follows the message, the text that does.
  func ends(_ tokenizer: Tokenizer) -> (tokens: Set<Int32>, texts: [String]) {
    func special(_ text: String) -> [Int32] {
      tokenizer.encode(text, addingSpecialTokens: false).filter(tokenizer.isSpecial)
    }
    let following = special(after)
    let text = after.trimmed
    return (
      Set(special(before) + following), following.isEmpty && !text.isEmpty ? [text] : []
    )
  }
}
