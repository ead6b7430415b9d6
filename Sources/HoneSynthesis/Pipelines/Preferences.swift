import Foundation
import HoneTensors

/// Pairs of a better and a worse answer to questions about documents, for DPO and its kin.
///
/// What a small model knows of two answers is truer than what it says itself: which of them has seen
/// the passage, and which of several the passage makes likelier. Yang et al., "RLCD: reinforcement
/// learning from contrastive distillation", 2023; Geng et al., "The delta learning hypothesis", 2025;
/// Cui et al., "UltraFeedback", 2023.
package struct Preferences: SynthesisPipeline {
  package static let name = "preferences"
  // A question, and the answers that the best and the worst are taken of.
  package static let callCount = 1 + answerCount
  package static let steps =
    DomainQA.steps + [
      Step(
        "pair", [.passage, .statement, .question, .answer], [.chosen, .rejected],
        "puts a worse answer beside the better one")
    ]

  /// How the two answers of a pair differ.
  package enum Kind: String, CaseIterable, Sendable {
    /// What the document says, and what the model says without it.
    case openClosed = "open_closed"
    /// The likeliest and the least likely of several answers from the passage.
    case bestWorst = "best_worst"
    /// What the document says, and the same with one number or name changed.
    case corrupted
  }

  /// What is drawn in turn. What a changed word teaches does not reach far, so of any beginning at
  /// most a quarter are corrupted.
  private static let turns: [Kind] = [.openClosed, .bestWorst, .openClosed, .bestWorst, .corrupted]
  /// A statement of more words is answered by the teacher, which is brief.
  private static let longestStatement = 30
  /// From this likeness on, two answers do not contradict one another.
  private static let contradiction = 0.5
  /// How many answers the best and the worst are taken of.
  static let answerCount = 4
  /// By how much a token's mean log-probability must differ between them.
  static let leastDifference = 0.2
  /// How many words the rejected answer may have for each of the chosen one.
  private static let lengthRatio = 0.5...2.0

  private let options: SynthesisOptions
  private let asking: DomainQA

  package init(_ options: SynthesisOptions) {
    self.options = options
    asking = DomainQA(options)
  }

  package func statements(of chunk: Chunk) -> [Statement?] { asking.statements(of: chunk) }

  package func controls(
    _ slots: [Slot], _ workshop: Workshop
  ) async throws -> [SynthesisRecord] { try await asking.make(slots, workshop) }

  /// The kind of a slot's pair.
  static func kind(at slot: Slot) -> Kind { turns[slot.index % turns.count] }

  /// Two answers, and why they are no pair where they are none.
  struct Pair: Equatable {
    var chosen: String
    var rejected: String
    var verdict: Verdict
  }

  // MARK: Making

  package func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord] {
    let asked = try await asking.make(slots, workshop)
    let wanted = zip(slots, asked).map { slot, record in
      record.isAccepted ? calls(at: slot, question: record.content.request, workshop) : []
    }
    let all = try await workshop.answers(to: wanted.flatMap { $0 })
    var rest = all[...]
    let answers = wanted.map { calls -> [String] in
      defer { rest = rest.dropFirst(calls.count) }
      return rest.prefix(calls.count).map(AnswerWriting.answer)
    }
    let scores = try await scores(of: answers, at: slots, asked, workshop)
    return slots.indices.map { index in
      let (slot, record) = (slots[index], asked[index])
      let kind = Self.kind(at: slot)
      let question = record.content.request
      let statement = slot.statement?.text ?? ""
      var pair = Pair(
        chosen: statement, rejected: "", verdict: Verdict("pair", passes: true))
      if record.isAccepted {
        switch kind {
        case .openClosed: pair = Self.openClosed(statement, answers[index])
        case .bestWorst: pair = Self.bestWorst(answers[index], scores: scores[index])
        case .corrupted: pair = corrupted(statement, asked: record, at: slot, workshop)
        }
      }
      return SynthesisRecord(
        .preference(
          prompt: [Turn(.user, question)], chosen: pair.chosen, rejected: pair.rejected),
        provenance: provenance(of: record, at: slot, wanted[index].last, workshop),
        attributes: record.attributes.merging(["pair": kind.rawValue]) { $1 },
        verdicts: record.isAccepted ? record.verdicts + [pair.verdict] : record.verdicts)
    }
  }

  /// Where a pair comes from: the answer's call where there is one, and the question as its parent.
  private func provenance(
    of question: SynthesisRecord, at slot: Slot, _ call: TeacherCall?, _ workshop: Workshop
  ) -> Provenance {
    guard let call else { return question.provenance }
    return workshop.provenance(of: call, step: "pair", at: slot, parents: [question.id])
  }

  /// What the teacher is asked for a pair, the question apart.
  private func calls(at slot: Slot, question: String, _ workshop: Workshop) -> [TeacherCall] {
    guard let chunk = slot.chunk else { return [] }
    let stops = options.prompting == .completion ? ["\n"] : []
    let open = AnswerWriting.openBook(question, of: chunk, options.prompting)
    switch Self.kind(at: slot) {
    case .openClosed:
      let closed = AnswerWriting.closedBook(question, options.prompting)
      let isLong = Words.count(slot.statement?.text ?? "") > Self.longestStatement
      return (isLong ? [open] : []).map {
        workshop.call($0, step: "answer", at: slot, stops: stops, isGreedy: true)
      } + [workshop.call(closed, step: "recall", at: slot, stops: stops, isGreedy: true)]
    case .bestWorst:
      return (0..<Self.answerCount).map { number in
        var draft = slot
        draft.attempt = slot.attempt * Self.answerCount + number
        return workshop.call(open, step: "answer", at: draft, stops: stops)
      }
    case .corrupted: return []
    }
  }

  /// How likely each of several answers is to whom has read the passage, a token; nil where it has
  /// none. Only pairs of the best and the worst are scored.
  private func scores(
    of answers: [[String]], at slots: [Slot], _ asked: [SynthesisRecord], _ workshop: Workshop
  ) async throws -> [[Double?]] {
    var pairs: [QuestionPair] = []
    var places: [(slot: Int, answer: Int)] = []
    for (index, slot) in slots.enumerated() where Self.kind(at: slot) == .bestWorst {
      guard let chunk = slot.chunk else { continue }
      for (number, answer) in answers[index].enumerated() where !answer.isEmpty {
        places.append((index, number))
        pairs.append(
          QuestionPair(question: asked[index].content.request, answer: answer, chunk: chunk))
      }
    }
    var scores = answers.map { $0.map { _ in Double?.none } }
    guard !pairs.isEmpty else { return scores }
    let measured = try await PairMeasurer(workshop.reader, ledger: workshop.ledger)
      .measure(pairs, [.source])
    for (place, measurements) in zip(places, measured) {
      scores[place.slot][place.answer] = measurements.sourceAnswer.mean
    }
    return scores
  }

  // MARK: Pairing

  /// The statement, or the teacher's answer from the passage where there is one, and its answer
  /// without the passage, which comes last.
  static func openClosed(_ statement: String, _ answers: [String]) -> Pair {
    let chosen = answers.count > 1 ? answers[0] : statement
    let limit = Double(Words.count(chosen)) * lengthRatio.upperBound
    let rejected = AnswerWriting.shortened(answers.last ?? "", toWords: Int(limit))
    let likeness = max(
      WordOverlap.f1(answers.last ?? "", statement), WordOverlap.f1(rejected, statement))
    guard likeness < contradiction else {
      return Pair(
        chosen: chosen, rejected: rejected,
        verdict: Verdict(
          "pair", value: likeness, threshold: contradiction, passes: false,
          reason: "the model knows it already"))
    }
    return guarded(chosen, rejected, value: likeness, threshold: contradiction)
  }

  /// The answers of the highest and of the lowest score.
  static func bestWorst(_ answers: [String], scores: [Double?]) -> Pair {
    let scored = zip(answers, scores).compactMap { text, score in score.map { (text, $0) } }
    // The first of equal ones, so that nothing else decides.
    guard let best = scored.max(by: { $0.1 < $1.1 }),
      let worst = scored.min(by: { $0.1 < $1.1 })
    else {
      return Pair(
        chosen: "", rejected: "",
        verdict: Verdict("pair", passes: false, reason: "the teacher gave no whole answer"))
    }
    let difference = best.1 - worst.1
    let pair = guarded(best.0, worst.0, value: difference, threshold: leastDifference)
    guard pair.verdict.passes else { return pair }
    // Of "31" and "31 crowns" neither is better.
    let isSame = WordOverlap.f1(best.0, worst.0) >= contradiction
    guard isSame || difference < leastDifference else { return pair }
    return Pair(
      chosen: best.0, rejected: worst.0,
      verdict: Verdict(
        "pair", value: difference, threshold: leastDifference, passes: false,
        reason: isSame
          ? "both answers say much the same" : "the best and the worst answer differ too little"))
  }

  /// The statement, and the same with another number or name in place of what the question asks for: with any
  /// other one both would answer it.
  private func corrupted(
    _ statement: String, asked: SynthesisRecord, at slot: Slot, _ workshop: Workshop
  ) -> Pair {
    let part =
      asked.attributes["asked_for"].flatMap { statement.range(of: $0) }
      ?? statement.startIndex..<statement.endIndex
    let statements = (slot.chunk.map { workshop.neighbours($0) + [$0] } ?? [])
      .flatMap { StatementSelection.statements(of: $0) }.filter { $0.text != statement }
    let random = RandomSource(
      seed: options.seed, purpose: "corruptions",
      step: Digest.number(of: [slot.place, "\(slot.attempt)"]))
    let changed =
      Self.otherName(
        than: String(statement[part]), in: statement, keeping: asked.content.request,
        of: statements.map(\.text), at: random.uniform(1))
      ?? Perturbation.changed(
        String(statement[part]), keeping: asked.content.request,
        words: statements.flatMap { Perturbation.words(of: $0.text) },
        from: Int(random.uniform(0) * 1e6))
    guard let changed else {
      return Pair(
        chosen: statement, rejected: "",
        verdict: Verdict(
          "pair", passes: false, reason: "nothing of what is asked for can be changed"))
    }
    return Self.guarded(statement, statement.replacingCharacters(in: part, with: changed))
  }

  /// A name or a day of other statements in place of one; nil where it is neither, or there is no other.
  ///
  /// - Parameter place: from 0 to 1, which of them.
  static func otherName(
    than name: String, in statement: String, keeping question: String, of statements: [String],
    at place: Double
  ) -> String? {
    func names(_ text: String) -> [Focus] {
      Focus.all(in: text).filter {
        $0.text.first?.isUppercase == true && !$0.text.contains(where: \.isNumber)
      }
    }
    guard let own = names(statement).first(where: { $0.text == name }) else { return nil }
    var others: [String] = []
    for other in statements.flatMap(names) where other.openings == own.openings {
      if !statement.contains(other.text), !question.contains(other.text),
        !others.contains(other.text)
      {
        others.append(other.text)
      }
    }
    return others.isEmpty ? nil : others[min(Int(place * Double(others.count)), others.count - 1)]
  }

  /// A pair, unless both answers are the same or one is much longer: length alone would tell them
  /// apart then.
  static func guarded(
    _ chosen: String, _ rejected: String, value: Double? = nil, threshold: Double? = nil
  ) -> Pair {
    func pair(_ reason: String) -> Pair {
      Pair(
        chosen: chosen, rejected: rejected,
        verdict: Verdict(
          "pair", value: value, threshold: threshold, passes: reason.isEmpty, reason: reason))
    }
    let (words, others) = (Words.lowercased(chosen), Words.lowercased(rejected))
    guard words != others else { return pair("both answers are the same") }
    guard !words.isEmpty, lengthRatio.contains(Double(others.count) / Double(words.count)) else {
      return pair(
        "the chosen answer has \(words.count) words and the rejected one \(others.count)")
    }
    return pair("")
  }
}
