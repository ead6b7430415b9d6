import Testing

@testable import HoneSynthesis

@Suite struct ConversationsTests {
  private static let sentences = [
    "The ferry Aster leaves the old harbour at dawn.",
    "Bicycles {and prams} travel free on the lower deck.",
    "Dogs need a ticket of their own on weekdays.",
    "Hulls are scraped in the dock beside the shop.",
    "Engines are lifted by the crane on the pier.",
  ]
  private static let chunk = Chunk.sample(sentences.joined(separator: " "))

  /// Asks of the last statement by its first words.
  private static func rule(_ call: TeacherCall) -> TeacherAnswer {
    .said(" of \(statement(call).split(separator: " ").prefix(2).joined(separator: " ")) here?")
  }

  private static func statement(_ call: TeacherCall) -> Substring {
    call.text.components(after: "Statement: ").prefix { $0 != "\n" }
  }

  private func turns(_ record: SynthesisRecord) throws -> [Turn] {
    guard case .conversation(let turns) = record.content else {
      throw SynthesisError("record", problem: "is no conversation")
    }
    return turns
  }

  @Test func `no two conversations of a passage share a statement`() {
    #expect(Conversations.run(at: .sample(Self.chunk, index: 0)).count == 2)
    #expect(Conversations.run(at: .sample(Self.chunk, index: 1)).count == 3)
    #expect(Conversations.run(at: .sample(Self.chunk, statement: 3, index: 1)).count == 2)
  }

  @Test func `passages with few statements give few places`() throws {
    let bench = try PipelineBench("conversations", rule: Self.rule)
    let pipeline = Conversations(bench.options)
    func places(_ count: Int) -> [String?] {
      pipeline.statements(of: .sample(Self.sentences.prefix(count).joined(separator: " ")))
        .map { $0?.text }
    }
    #expect(places(0) == [] && places(1) == [])
    #expect(places(2) == [Self.sentences[0]] && places(4) == [Self.sentences[0]])
    #expect(places(5) == [Self.sentences[0], Self.sentences[3]])
  }

  @Test func `turns follow the passage, and each question knows those before it`() async throws {
    let bench = try PipelineBench("conversations", rule: Self.rule)
    let pipeline = Conversations(bench.options)
    let slots = [0, 1].map { Slot.sample(Self.chunk, index: $0) }
    let records = try await pipeline.make(slots, bench.workshop)
    for (record, count) in zip(records, [2, 3]) {
      let turns = try turns(record)
      #expect(record.isAccepted)
      #expect(turns.count == 2 * count)
      for (place, turn) in turns.enumerated() {
        #expect(turn.role == (place % 2 == 0 ? .user : .assistant))
      }
      #expect(
        turns.filter { $0.role == .assistant }.map(\.content)
          == Array(Self.sentences.prefix(count)))
      let pairs = pipeline.pairs(of: record, at: slots[0])
      #expect(pairs.map(\.answer) == Array(Self.sentences.prefix(count)))
      #expect(pairs.map(\.question) == turns.filter { $0.role == .user }.map(\.content))
      // From the first statement to the end of the last.
      let span = try #require(record.provenance.source?.span)
      #expect(span == 0..<Self.sentences.prefix(count).joined(separator: " ").utf8.count)
    }
    let questions = try turns(records[1]).filter { $0.role == .user }.map(\.content)
    let last = try #require(bench.teacher.asked.last { $0.text.contains(questions[1]) })
    let foci = Self.sentences.map { Focus.all(in: $0)[0] }
    #expect(
      last.text.hasSuffix(
        """
        Statement: \(Self.sentences[0])
        Asked for: \(foci[0].text)
        Question: \(questions[0])

        Statement: \(Self.sentences[1])
        Asked for: \(foci[1].text)
        Question: \(questions[1])

        Statement: \(Self.sentences[2])
        Asked for: \(foci[2].text)
        Question: \(foci[2].openings[0])
        """))
  }

  @Test func `after what is no question nothing more is asked`() async throws {
    let bench = try PipelineBench("conversations") { call in
      Self.statement(call) == Self.sentences[1] ? .said(" no question") : Self.rule(call)
    }
    let records = try await Conversations(bench.options)
      .make([.sample(Self.chunk, index: 1)], bench.workshop)
    #expect(records[0].rejection?.filter == "form")
    #expect(try turns(records[0]).count == 4)
    // The first, and three tries at the second.
    #expect(bench.teacher.asked.count == 4)
  }

  @Test func `a question that was asked before is tried again, another way`() async throws {
    var asked = 0
    let bench = try PipelineBench("conversations") { call in
      asked += 1
      return asked < 4 ? .said(" about the harbour and its boats?") : .said(" of dogs on weekdays?")
    }
    let records = try await Conversations(bench.options)
      .make([.sample(Self.chunk, index: 0)], bench.workshop)
    #expect(records[0].isAccepted && bench.teacher.asked.count == 4)
    let never = try PipelineBench("conversations") { _ in .said(" about the harbour and its boats?")
    }
    let same = try await Conversations(never.options)
      .make([.sample(Self.chunk, index: 0)], never.workshop)
    #expect(same[0].rejection?.reason == "the question was asked before")
    #expect(try turns(same[0]).count == 4)
  }

  @Test func `controls are single questions`() async throws {
    let bench = try PipelineBench("conversations", rule: Self.rule)
    let slot = Slot.sample(Self.chunk, index: 0)
    let pipeline = Conversations(bench.options)
    let records = try await pipeline.controls([slot], bench.workshop)
    #expect(records[0].content.kind == .questionAnswer)
    #expect(pipeline.pairs(of: records[0], at: slot).first?.answer == Self.sentences[0])
  }
}

extension String {
  /// What stands behind the last occurrence of a text.
  fileprivate func components(after text: String) -> Substring {
    ranges(of: text).last.map { self[$0.upperBound...] } ?? self[...]
  }
}
