import Testing

@testable import HoneSynthesis

@Suite struct PreferencesTests {
  private static let statement = "Dogs need a ticket of two crowns on the ferry."

  @Test func `kinds come in turn, and never more than a quarter is corrupted`() {
    let kinds = (0..<40).map { Preferences.kind(at: Slot(attempt: 0, index: $0)) }
    #expect(Set(kinds) == Set(Preferences.Kind.allCases))
    for end in 1...kinds.count {
      #expect(4 * kinds.prefix(end).count { $0 == .corrupted } <= end)
    }
  }

  @Test func `what the model says without the passage is worse where it contradicts`() {
    let own = "Dogs travel free on all ferries of the town."
    let pair = Preferences.openClosed(Self.statement, [own])
    #expect(pair.verdict.passes)
    #expect(pair.chosen == Self.statement && pair.rejected == own)
    // An answer from the passage stands for a long statement.
    let brief = "Dogs need a ticket, which costs two crowns."
    #expect(Preferences.openClosed(Self.statement, [brief, own]).chosen == brief)
  }

  @Test func `what the model knows already makes no pair`() {
    let pair = Preferences.openClosed(Self.statement, ["Dogs need a ticket of two crowns."])
    #expect(pair.verdict.reason == "the model knows it already")
    #expect(pair.verdict.filter == "pair" && !pair.verdict.passes)
  }

  @Test func `a long answer is shortened to whole sentences, a short one makes no pair`() {
    let first = "Dogs travel free on all ferries of the town."
    let second = "Cats do too, as do birds in cages and small ponies."
    let pair = Preferences.openClosed(
      Self.statement, ["\(first) \(second) Nobody has ever asked for money."])
    #expect(pair.rejected == "\(first) \(second)")
    #expect(pair.verdict.passes)
    #expect(
      Preferences.openClosed(Self.statement, ["Nothing."]).verdict.reason
        == "the chosen answer has 10 words and the rejected one 1")
    #expect(!Preferences.openClosed(Self.statement, [""]).verdict.passes)
  }

  @Test func `the best and the worst answer are those of the highest and the lowest score`() {
    let answers = ["Dogs pay two crowns.", "They travel free of charge.", "", "Dogs pay nothing."]
    let pair = Preferences.bestWorst(answers, scores: [-0.5, -1.5, nil, -0.9])
    #expect(pair.chosen == answers[0] && pair.rejected == answers[1])
    #expect(pair.verdict.passes && pair.verdict.value == 1)
    #expect(
      Preferences.bestWorst(answers, scores: [-0.5, -0.6, nil, -0.55]).verdict.reason
        == "the best and the worst answer differ too little")
    #expect(
      Preferences.bestWorst(["31", "31 crowns"], scores: [-0.5, -1.5]).verdict.reason
        == "both answers say much the same")
    #expect(
      Preferences.bestWorst(["So it is.", "So it is."], scores: [-1, -1]).verdict.reason
        == "both answers are the same")
    #expect(
      Preferences.bestWorst(["", ""], scores: [nil, nil]).verdict.reason
        == "the teacher gave no whole answer")
  }

  /// Asks, answers with the passage by the call's seed, and without it of something else.
  private static func rule(_ call: TeacherCall) -> TeacherAnswer {
    if !call.text.hasSuffix("Answer:") { return .said(" must dogs have on the ferry?") }
    if call.text.hasPrefix("Passage:") {
      return .said(" Dogs need ticket \(call.seed % 9_973) to travel.")
    }
    return .said(" They are carried free of charge by every boat here.")
  }

  @Test func `each kind of pair is made, with the calls that it takes`() async throws {
    let chunk = Chunk.sample(Self.statement)
    let bench = try PipelineBench("preferences", rule: Self.rule)
    let pipeline = Preferences(bench.options)
    let slots = [0, 1, 4].map { Slot.sample(chunk, index: $0) }
    let records = try await pipeline.make(slots, bench.workshop)
    #expect(records.map { $0.attributes["pair"] } == ["open_closed", "best_worst", "corrupted"])
    for record in records {
      #expect(record.content.kind == .preference)
      #expect(record.content.question?.hasSuffix("?") == true)
      #expect(record.verdicts.last?.filter == "pair")
    }
    #expect(records[0].isAccepted)
    #expect(records[0].content.response == Self.statement)
    #expect(records[0].provenance.parents.count == 1)
    let drafts = bench.teacher.asked.filter {
      $0.text.hasPrefix("Passage:") && $0.text.hasSuffix("Answer:")
    }
    #expect(Set(drafts.map(\.seed)).count == Preferences.answerCount)
    // Without the passage, and the likeliest answer.
    let bare = bench.teacher.asked.filter { $0.text.hasPrefix("Questions and their answers.") }
    #expect(bare.count == 1 && bare[0].temperature == 0 && !bare[0].text.contains("crowns"))
    let measured = try #require(pipeline.pairs(of: records[0], at: slots[0]).first)
    #expect(measured.answer == Self.statement)
  }

  @Test func `one number or name of a statement is changed, where there is one`() async throws {
    let chunk = Chunk.sample("Boats of the harbour pay 12 crowns at the pier.")
    let bench = try PipelineBench("preferences", rule: Self.rule)
    let pipeline = Preferences(bench.options)
    let made = try await pipeline.make([.sample(chunk, index: 4)], bench.workshop)
    guard case .preference(_, let chosen, let rejected) = made[0].content else {
      Issue.record("no preference")
      return
    }
    #expect(made[0].isAccepted)
    #expect(chosen == chunk.text && rejected != chosen)
    #expect(NumbersInSource.numbers(in: rejected).count == 1)

    // Without a number, and without another passage to take a word of.
    let plain = Chunk.sample("Dogs need a ticket to be let on the ferry.")
    let none = try await pipeline.make([.sample(plain, index: 4)], bench.workshop)
    #expect(none[0].rejection?.reason == "nothing of what is asked for can be changed")
  }

  @Test func `what is changed is what the question asks for`() async throws {
    let chunk = Chunk.sample("The company runs six ferries on 3 routes and was founded in 1924.")
    let bench = try PipelineBench("preferences") { _ in .said(" does it do on the water?") }
    let pipeline = Preferences(bench.options)
    var seen: Set<String> = []
    for attempt in 0..<3 {
      let slot = Slot.sample(chunk, attempt: attempt, index: 4)
      let made = try await pipeline.make([slot], bench.workshop)
      guard case .preference(_, _, let rejected) = made[0].content,
        let wanted = made[0].attributes["asked_for"]
      else {
        Issue.record("no preference")
        return
      }
      seen.insert(wanted)
      #expect(!rejected.contains(wanted))
      // All else is as it was.
      for part in ["six ferries", "3 routes", "1924"] where part != wanted {
        #expect(rejected.contains(part))
      }
      #expect(wanted != "1924" || rejected.contains(/in 19\d\d\./))
    }
    #expect(seen == ["six ferries", "3 routes", "1924"])
  }

  @Test func `a name becomes a name, a day a day`() {
    func other(_ name: String, _ question: String = "Who is it?", _ place: Double = 0) -> String? {
      Preferences.otherName(
        than: name, in: "The board is led by Leonie Farr on Mondays.", keeping: question,
        of: [
          "Operations are led by Tomas Brandt on Fridays.", "Money is counted by Leonie Farr.",
          "The ferry Aster sails at 7, on Sundays, with Tomas Brandt.", "Nobody sees it at all.",
        ], at: place)
    }
    #expect(other("Leonie Farr") == "Tomas Brandt")
    #expect(other("Leonie Farr", "Who is it?", 0.99) == "Aster")
    #expect(other("Leonie Farr", "Who is Tomas Brandt?") == "Aster")
    #expect(other("Mondays") == "Fridays" && other("Mondays", "When?", 1) == "Sundays")
    #expect(other("board") == nil)
  }

  @Test func `without a question nothing is answered`() async throws {
    let bench = try PipelineBench("preferences") { _ in .said(" no question") }
    let slots = (0..<5).map { Slot.sample(.sample(Self.statement), index: $0) }
    let records = try await Preferences(bench.options).make(slots, bench.workshop)
    #expect(records.allSatisfy { $0.rejection?.filter == "form" })
    #expect(bench.teacher.asked.allSatisfy { !$0.text.hasSuffix("Answer:") })
  }

  @Test func `controls are questions and statements word for word`() async throws {
    let bench = try PipelineBench("preferences", rule: Self.rule)
    let slots = (0..<5).map { Slot.sample(.sample(Self.statement), index: $0) }
    let records = try await Preferences(bench.options).controls(slots, bench.workshop)
    #expect(records.allSatisfy { $0.content.response == Self.statement })
  }

  @Test func `of an answer that was cut off whole sentences are left`() {
    #expect(AnswerWriting.answer(.said(" At dawn. Not la", isFinished: false)) == "At dawn.")
    #expect(AnswerWriting.answer(.said(" At da", isFinished: false)) == "")
    #expect(AnswerWriting.answer(.said(" At dawn, not la")) == "At dawn, not la")
    #expect(AnswerWriting.answer(.said("At dawn.\n\nAnd more.")) == "At dawn.")
    #expect(AnswerWriting.shortened("One two. Three four.", toWords: 3) == "One two.")
    #expect(AnswerWriting.shortened("One two. Three four.", toWords: 1) == "One two.")
  }
}
