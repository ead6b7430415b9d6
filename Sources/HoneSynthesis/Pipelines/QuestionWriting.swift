import Foundation

/// Has a teacher write the question that a statement of a passage answers.
package enum QuestionWriting {
  /// Passages with a statement and its question, of things that nobody's documents are about.
  static let examples = """
    Passage:
    The harbour of Lorn

    The harbour of Lorn was built in 1871 for the herring fleet. Its north pier is 240 metres long, and \
    boats that draw more than three metres must wait for high water outside. Harbour dues are paid at \
    the office beside the chandlery.

    Statement: Its north pier is 240 metres long, and boats that draw more than three metres must wait for high \
    water outside.
    Asked for: 240 metres
    Question: How long is the north pier of the harbour of Lorn?

    ###

    Passage:
    Care of the Velmar kettle

    Empty the kettle after each use, since standing water leaves scale. Once a month boil a cup of \
    vinegar in it, wait for ten minutes and rinse twice. The warranty does not cover kettles that were \
    cleaned with wire wool.

    Statement: The warranty does not cover kettles that were cleaned with wire wool.
    Asked for: cleaned with wire wool
    Question: What must not have been done to a Velmar kettle for its warranty to hold?

    ###

    Passage:
    Leave for new staff

    New staff earn two days of leave for each full month. Leave is asked for in the calendar, not by \
    mail, at least ten working days ahead. Unused days lapse at the end of March.

    Statement: Unused days lapse at the end of March.
    Asked for: March
    Question: When do days of leave lapse that new staff have not used?

    ###


    """

  /// Conversations over passages that nobody's documents are about.
  static let conversations = """
    Passage:
    The harbour of Lorn

    The harbour of Lorn was built in 1871 for the herring fleet. Its north pier is 240 metres long, and \
    boats that draw more than three metres must wait for high water outside. Harbour dues are paid at \
    the office beside the chandlery.

    Statement: The harbour of Lorn was built in 1871 for the herring fleet.
    Asked for: 1871
    Question: When was the harbour of Lorn built?

    Statement: Its north pier is 240 metres long, and boats that draw more than three metres must wait for \
    high water outside.
    Asked for: 240 metres
    Question: How long is its north pier?

    Statement: Harbour dues are paid at the office beside the chandlery.
    Asked for: beside the chandlery
    Question: Where do I pay the dues?

    ###

    Passage:
    Care of the Velmar kettle

    Empty the kettle after each use, since standing water leaves scale. Once a month boil a cup of \
    vinegar in it, wait for ten minutes and rinse twice. The warranty does not cover kettles that were \
    cleaned with wire wool.

    Statement: Empty the kettle after each use, since standing water leaves scale.
    Asked for: water leaves scale
    Question: Why should I empty the Velmar kettle after each use?

    Statement: Once a month boil a cup of vinegar in it, wait for ten minutes and rinse twice.
    Asked for: ten minutes
    Question: How long does the vinegar stay in it?

    ###


    """

  /// A question that was asked in a conversation.
  struct Exchange: Equatable {
    /// What answers it.
    var statement: String
    /// What of the statement it asks for.
    var focus: String
    var question: String
  }

  /// What is asked of a teacher at a slot.
  struct Asking {
    let call: TeacherCall
    let focus: Focus
    /// What the question begins with; empty where that is the teacher's.
    let opening: String
    private let passage: String
    private let statement: String
    private let drawn: DrawnValues

    /// Each try at a statement asks for another part of it, then begins in another way, unless what
    /// is drawn decides how.
    ///
    /// - Parameter turns: what was asked before in the same conversation; nil where there is none.
    init(at slot: Slot, _ workshop: Workshop, after turns: [Exchange]? = nil) {
      let statement = slot.statement?.text ?? ""
      let passage = slot.chunk?.passage ?? ""
      self.passage = passage
      self.statement = statement
      let foci = Focus.all(in: statement)
      focus = foci[slot.attempt % foci.count]
      let drawn = DrawnValues(at: slot, workshop.options)
      self.drawn = drawn
      let isOpen = drawn[.questionType] != nil || drawn[.language] != nil
      let openings = isOpen ? [""] : focus.openings
      opening = openings[(slot.attempt / foci.count) % openings.count]
      let step = turns?.isEmpty ?? true ? "ask" : "follow"
      switch workshop.options.prompting {
      case .completion:
        let examples =
          turns == nil ? QuestionWriting.examples : QuestionWriting.conversations
        let before = (turns ?? []).map {
          "Statement: \($0.statement)\nAsked for: \($0.focus)\nQuestion: \($0.question)\n\n"
        }.joined()
        call = workshop.call(
          .completion(
            beginning: "\(examples)Passage:\n\(passage)\n\n",
            rest: before
              + "Statement: \(statement)\nAsked for: \(focus.text)\n\(drawn.lines)Question:"
              + (isOpen ? "" : " \(opening)")),
          step: step, at: slot)
      case .chat:
        let beginning = isOpen ? "" : " Begin it with \"\(opening)\"."
        let before = (turns ?? []).map { "Question: \($0.question)\nAnswer: \($0.statement)\n" }
          .joined()
        let request =
          before.isEmpty
          ? """
          \(passage)

          Statement: \(statement)

          Write one question about this statement whose answer is "\(focus.text)". Name what it is \
          about, so that it can be understood without the text above.\(beginning)\(drawn.paragraph)Write \
          the question only.
          """
          : """
          \(passage)

          So far somebody has asked and was told:
          \(before)
          Statement: \(statement)

          Write the one question that the same person asks next, about this statement, whose answer is \
          "\(focus.text)". It goes on from what was said and does not speak of the text \
          above.\(beginning)\(drawn.paragraph)Write the question only.
          """
        call = workshop.call(.chat([Turn(.user, request)]), step: step, at: slot, stops: [])
      }
    }

    /// The question in an answer to the call.
    func question(in answer: TeacherAnswer) -> (text: String, verdict: Verdict?) {
      // A text goes on after the opening, a message begins with it.
      var text = answer.text
      if case .completion = call.prompt { text = opening + text }
      let parsed = QuestionWriting.question(text)
      guard parsed.verdict == nil else { return parsed }
      if let persona = drawn[.persona],
        QuestionWriting.speaks(parsed.text, of: persona, beside: passage)
      {
        return (
          parsed.text,
          Verdict(
            "form", passes: false,
            reason: "the question is about who asks it, \"\(persona)\"")
        )
      }
      guard
        !QuestionWriting.asksForPurpose(parsed.text)
          || QuestionWriting.namesPurpose(statement)
      else {
        return (
          parsed.text,
          Verdict(
            "form", passes: false,
            reason: "the question asks for a purpose, and its statement names none")
        )
      }
      guard focus.isGiven(away: parsed.text) else { return parsed }
      return (
        parsed.text,
        Verdict(
          "form", passes: false, reason: "the question says \"\(focus.text)\", which it asks for")
      )
    }

    var attributes: [String: String] {
      ["opening": opening, "asked_for": focus.text].merging(drawn.attributes) { $1 }
    }
  }

  /// Whether a question has words of who asks it that its passage does not have: most of them.
  static func speaks(_ question: String, of persona: String, beside passage: String) -> Bool {
    let known = Set(Words.lowercased(passage))
    let words = Words.lowercased(persona).filter { $0.count > 3 && !known.contains($0) }
    let asked = Set(Words.lowercased(question))
    return !words.isEmpty && 2 * words.count { asked.contains($0) } > words.count
  }

  /// A small teacher that has nothing to ask asks for the purpose of what it sees.
  static func asksForPurpose(_ question: String) -> Bool {
    Words.lowercased(question).joined(separator: " ").contains("purpose of")
  }

  static func namesPurpose(_ statement: String) -> Bool {
    let words = " " + Words.lowercased(statement).joined(separator: " ") + " "
    return purposes.contains { words.contains(" \($0)") }
  }

  /// What purposes are told by, or the beginnings of it.
  private static let purposes = [
    "so that ", "so as ", "in order ", "purpose", "intended ", "meant to ", "meant for ",
    "used to ",
    "used for ", "serves ", "because ", "since ", "allow", "enabl", "ensur", "prevent", "avoid",
  ]

  /// The question in what a teacher wrote: its first line, up to the question mark.
  static func question(_ text: String) -> (text: String, verdict: Verdict?) {
    var line = text.trimmingCharacters(in: .whitespacesAndNewlines)
    line = line.split(separator: "\n").first.map(String.init) ?? ""
    for label in ["Question:", "Q:"] where line.hasPrefix(label) {
      line = line.dropFirst(label.count).trimmingCharacters(in: .whitespaces)
    }
    line = line.trimmingCharacters(in: CharacterSet(charactersIn: "\"“”*"))
    if let mark = line.firstIndex(of: "?") { line = String(line[...mark]) }
    guard line.hasSuffix("?") else {
      return (
        line,
        Verdict("form", passes: false, reason: "what the teacher wrote is no question")
      )
    }
    // Passages have their headings so.
    guard !line.contains(" > ") else {
      return (line, Verdict("form", passes: false, reason: "the question copies a heading's path"))
    }
    guard line.split(separator: " ").count >= 4 else {
      return (
        line, Verdict("form", passes: false, reason: "the question has fewer than four words")
      )
    }
    return (line, nil)
  }
}
