import HoneFormats

/// A chat template: parsed once, rendered for any number of conversations.
///
/// The language is Jinja 2 in the set-up of transformers: block tags swallow the newline behind them
/// and the white space before them, `break` and `continue` exist, `tojson` writes plain JSON, and
/// lists and dictionaries cannot be changed. A rendering that loops for ever, nests too deeply or
/// grows beyond 64 MB ends in an error.
public struct ChatTemplate: Sendable {
  /// The name that errors give.
  public let name: String
  private let program: Jinja.Program

  /// Parses a template's source.
  ///
  /// - Throws: ``TextError`` with line and column.
  public init(_ source: String, name: String = "chat template") throws {
    self.name = name
    guard source.utf8.count <= Jinja.Limits.sourceBytes else {
      throw TextError(
        subject: name, problem: "is larger than \(Jinja.Limits.sourceBytes >> 20) MB")
    }
    do {
      program = try Jinja.Resolver.resolve(try Jinja.Parser.parse(source))
    } catch let fault as Jinja.SyntaxFault {
      throw TextError(
        subject: name, place: "line \(fault.line), column \(fault.column)",
        problem: fault.message)
    }
  }

  /// A rendered conversation.
  public struct Rendering: Equatable, Sendable {
    public var text: String
    /// Where the assistant speaks, as offsets into the text's UTF-8: what the template puts between
    /// `{% generation %}` and `{% endgeneration %}`, in order. Empty for a template without them.
    public var assistantRanges: [Range<Int>]
  }

  /// The conversation as text.
  ///
  /// - Throws: ``TextError`` with the template's line; what the template itself reports through
  ///   `raise_exception` is the error's problem, word for word.
  public func render(_ conversation: Conversation) throws -> String {
    try rendering(of: conversation).text
  }

  /// The conversation as text, with the assistant's parts marked.
  ///
  /// - Throws: as ``render(_:)``.
  public func rendering(of conversation: Conversation) throws -> Rendering {
    var variables: [String: Jinja.Value] = [:]
    let reserved: [(String, JSONValue)] = [
      ("messages", .array(conversation.messagesWithReasoning)),
      ("tools", conversation.tools.map { .array($0) } ?? .null),
      ("documents", conversation.documents.map { .array($0) } ?? .null),
      ("add_generation_prompt", .bool(conversation.addsGenerationPrompt)),
    ]
    do {
      for (name, value) in conversation.variables { variables[name] = try Jinja.Value(value) }
      for (name, value) in reserved { variables[name] = try Jinja.Value(value) }
    } catch let failure as Jinja.Failure {
      throw TextError(subject: name, place: "conversation", problem: failure.message)
    }
    let now = conversation.now
    return try render(variables, now: { now ?? .current })
  }

  func render(
    _ variables: [String: Jinja.Value], now: @escaping () -> CalendarTime
  ) throws -> Rendering {
    let evaluator = Jinja.Evaluator(program, variables: variables, now: now)
    do {
      try evaluator.run()
    } catch let failure as Jinja.Failure {
      throw TextError(
        subject: name, place: "line \(evaluator.line)", problem: failure.sentence)
    }
    return Rendering(text: evaluator.output, assistantRanges: evaluator.assistantRanges)
  }
}
