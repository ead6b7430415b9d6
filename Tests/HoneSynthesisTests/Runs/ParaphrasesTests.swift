import Testing

@testable import HoneSynthesis

@Suite struct ParaphrasesTests {
  /// Tells what a text is about by its words, of which some mean the same.
  private final class WordEmbedder: Embedder {
    private static let common: Set<String> = [
      "when", "does", "the", "who", "of", "how", "is", "what", "which", "are", "in", "for", "a",
      "must", "have", "on", "where", "and", "from",
    ]
    private static let meanings = ["port": "harbour", "departs": "leave", "boat": "ferry"]
    private var axes: [String: Int] = [:]
    private(set) var asked = 0

    func key(embedding text: String) -> CallKey { CallKey([("text", Array(text.utf8))]) }

    func embedding(of text: String) -> [Float] {
      asked += 1
      var counts = [Float](repeating: 0, count: 64)
      for word in Words.lowercased(text) where !Self.common.contains(word) {
        let meaning = Self.meanings[word] ?? word
        let axis = axes[meaning] ?? axes.count
        axes[meaning] = axis
        counts[axis] += 1
      }
      return counts
    }
  }

  /// Finds all texts the same.
  private final class BlindEmbedder: Embedder {
    func key(embedding text: String) -> CallKey { CallKey([("blind", Array(text.utf8))]) }
    func embedding(of text: String) -> [Float] { [1, 2, 3] }
  }

  private static let controls = [
    "When does the ferry leave the harbour?", "Who keeps the keys of the harbour?",
    "How deep is the old harbour?", "When does the ferry carry bicycles?",
    "What does the crane lift?", "Who repairs the crane of the dock?",
    "Which hulls are scraped in the dock?", "Who pays for a ticket of the ferry?",
    "What must dogs have on weekdays?", "Where are dogs and bicycles counted?",
  ]

  private let folder: Folder

  init() throws { folder = try Folder() }

  private func paraphrases(
    _ embedder: any Embedder = WordEmbedder(), controls: [String] = ParaphrasesTests.controls,
    cost: Double = 0.1
  ) throws -> Paraphrases {
    try Paraphrases(
      controls: controls, cost: cost, embedder: embedder,
      ledger: CallLedger(try CallStore(path: "\(folder.path)/calls.sqlite")))
  }

  private let first = SynthesisRecord.sample("When does the ferry leave the harbour?", "At dawn.")
  private let same = SynthesisRecord.sample("The boat departs from the port when?", "At dawn.")
  private let other = SynthesisRecord.sample("How deep is the old harbour?", "Nine metres.")

  @Test func `what asks the same in other words is rejected with the record that it is like`()
    throws
  {
    let found = try paraphrases()
    #expect(found.finding.auc == 1)
    #expect(found.finding.falseAccepted == 0)
    #expect(found.finding.trueAccepted >= 0.9)
    let line = try #require(found.finding.threshold)
    let before = try found.verdict(on: first)
    #expect(before == Verdict("paraphrase", threshold: line, passes: true))
    let like = try found.verdict(on: same)
    #expect(like?.passes == false)
    #expect(like?.reason == "asks in other words what \(first.id) asks (cosine 1.00)")
    let near = try #require(like?.value)
    #expect(abs(near) < 1e-6)
    let unlike = try found.verdict(on: other)
    #expect(unlike?.passes == true)
    let far = try #require(unlike?.value)
    #expect(far >= line)
  }

  @Test func `what was rejected is nothing that others are compared with`() throws {
    let found = try paraphrases()
    _ = try found.verdict(on: first)
    _ = try found.verdict(on: same)
    let again = SynthesisRecord.sample("From the port departs the ferry when?", "At dawn.")
    let verdict = try found.verdict(on: again)
    #expect(verdict?.reason.contains(first.id) == true)
  }

  @Test func `the line costs no larger share of different requests than is allowed`() throws {
    var before = -Double.infinity
    for cost in [0, 0.1, 0.25, 0.5] {
      let finding = try paraphrases(cost: cost).finding
      let line = try #require(finding.threshold)
      let lost = finding.trueValues.count { $0 < line }
      #expect(Double(lost) <= cost * Double(Self.controls.count))
      #expect(line >= before)
      before = line
    }
  }

  @Test func `an embedder that cannot tell, and too few controls, judge nothing`() throws {
    let all = [
      try paraphrases(BlindEmbedder()), try paraphrases(controls: Array(Self.controls.prefix(7))),
      try paraphrases(controls: []),
    ]
    for found in all {
      #expect(!found.finding.isOn)
      for record in [first, same] {
        let verdict = try found.verdict(on: record)
        #expect(verdict == nil)
      }
    }
  }

  @Test func `embeddings are kept, so that none is computed twice`() throws {
    let embedder = WordEmbedder()
    let found = try paraphrases(embedder)
    let verdicts = try [first, same, other].map { try found.verdict(on: $0) }
    // Each control as it stands and reworded, and what none of them asks.
    #expect(embedder.asked == 2 * Self.controls.count + 1)
    let later = WordEmbedder()
    let resumed = try paraphrases(later)
    let again = try [first, same, other].map { try resumed.verdict(on: $0) }
    #expect(again == verdicts)
    #expect(resumed.finding == found.finding)
    #expect(later.asked == 0)
  }

  @Test func `a conversation is known by its first question`() throws {
    let found = try paraphrases()
    let conversation = SynthesisRecord(
      .conversation([
        Turn(.user, first.content.request), Turn(.assistant, "At dawn."),
        Turn(.user, "And what does the crane lift?"), Turn(.assistant, "Engines."),
      ]), provenance: Provenance(recipe: "conversations", step: "follow"))
    _ = try found.verdict(on: conversation)
    let verdict = try found.verdict(on: same)
    #expect(verdict?.reason.contains(conversation.id) == true)
  }

  @Test func `a reworded request has its halves changed about, and no short words`() {
    #expect(
      Paraphrases.reworded("When does the ferry leave the old harbour?")
        == "ferry leave harbour? When does")
    #expect(Paraphrases.reworded("Who is it?") == "is it? Who")
    #expect(Paraphrases.reworded("Why?") == nil)
  }

  @Test func `a judge asks for meaning where words differ, and only where it is told to`() throws {
    let bench = try PipelineBench("domain-qa") { _ in .said("") }
    defer { withExtendedLifetime(bench) {} }
    func judge(_ paraphrases: Paraphrases?) throws -> Judge {
      try Judge(
        bench.options, hard: [], calibration: nil, workshop: bench.workshop,
        pipeline: DomainQA(bench.options), paraphrases: paraphrases)
    }
    let off = try judge(nil)
    for record in [first, same, other] {
      let judged = try off.compared(record)
      #expect(judged == record)
    }
    let on = try judge(paraphrases())
    let accepted = try on.compared(first)
    #expect(accepted.isAccepted)
    let twin = try on.compared(
      SynthesisRecord.sample("when does the ferry leave the HARBOUR?", "At noon."))
    #expect(twin.rejection?.filter == "duplicate")
    let rejected = try on.compared(same)
    #expect(rejected.rejection?.filter == "paraphrase")
    #expect(rejected.scores["paraphrase"] == rejected.rejection?.value)
    let kept = try on.compared(other)
    #expect(kept.isAccepted)
    #expect(kept.scores["paraphrase"] != nil)
  }

  @Test func `a text's embedding does not depend on what was asked before`() throws {
    let text = "Who keeps the keys?"
    let alone = try LocalTeacher.tiny().embedding(of: text)
    let reader = try LocalTeacher.tiny()
    _ = try reader.embedding(of: "Which of the boats leaves the harbour last?")
    try reader.score([ScoreCall("Keys", [.init(" of boats", isScored: true)])]) { _ in }
    let after = try reader.embedding(of: text)
    #expect(after == alone)
    #expect(reader.key(embedding: text) != reader.key(embedding: "\(text)?"))
  }
}
