import Foundation
import HoneTensors

/// Exam questions about the facts of documents: a short answer, and choices of which the wrong ones
/// are statements of the same documents.
///
/// Made of the passages that were held out, or, where nothing was, of all passages: then it asks for
/// facts that training data may teach too, in words that training data must not repeat (name the
/// exam under `duplicates.against` there).
package struct Exam: SynthesisPipeline {
  package static let name = "exam"
  package static let readsHeldOut = true
  package static let steps =
    DomainQA.steps + [
      Step(
        "distract", [.passage, .statement, .question], [.choices],
        "adds statements of the documents that look like the answer and are not")
    ]

  /// How many wrong choices there are.
  private static let distractorCount = 3

  private let options: SynthesisOptions
  private let asking: DomainQA

  package init(_ options: SynthesisOptions) {
    self.options = options
    asking = DomainQA(options)
  }

  package func statements(of chunk: Chunk) -> [Statement?] { asking.statements(of: chunk) }

  package func make(_ slots: [Slot], _ workshop: Workshop) async throws -> [SynthesisRecord] {
    let asked = try await asking.make(slots, workshop)
    return zip(slots, asked).map { slot, record in
      let answer = record.content.response
      let choices = self.choices(answer, at: slot, workshop)
      return SynthesisRecord(
        .examItem(
          question: record.content.request, choices: choices, answer: answer,
          expects: Self.expected(
            answer, after: record.content.request, focus: record.attributes["asked_for"])),
        provenance: record.provenance, attributes: record.attributes, verdicts: record.verdicts,
        split: .heldOut)
    }
  }

  /// The answer among the statements that share most words with it, in an order drawn by the seed.
  private func choices(_ answer: String, at slot: Slot, _ workshop: Workshop) -> [String] {
    guard let chunk = slot.chunk else { return [] }
    let others = ([chunk] + workshop.neighbours(chunk)).flatMap {
      StatementSelection.statements(of: $0).map(\.text)
    }
    var seen: Set<String> = [answer]
    let wrong = others.filter { seen.insert($0).inserted }
      .map { (text: $0, likeness: WordOverlap.f1($0, answer)) }
      // What says nearly the same would be right, too.
      .filter { $0.likeness < 0.6 }
      .sorted { ($1.likeness, $0.text) < ($0.likeness, $1.text) }
      .prefix(Self.distractorCount).map(\.text)
    let random = RandomSource(
      seed: options.seed, purpose: "choices", step: Digest.number(of: [slot.place]))
    return ([answer] + wrong).enumerated()
      .sorted { random.uniform(UInt64($0.offset)) < random.uniform(UInt64($1.offset)) }
      .map(\.element)
  }

  /// What a right answer must contain: what was asked for, without its unit; where nothing was, the
  /// numbers and names of the answer that the question does not give away, or its longest word.
  static func expected(
    _ answer: String, after question: String, focus: String? = nil
  ) -> [String] {
    if let focus {
      let isNumber = focus.first?.isNumber == true
      return [isNumber ? focus.split(separator: " ").first.map(String.init) ?? focus : focus]
    }
    let asked = Set(WordOverlap.words(of: question))
    let words = answer.split { !$0.isLetter && !$0.isNumber }.map(String.init)
      .filter { !asked.contains($0.lowercased()) }
    let marked = words.enumerated().filter { place, word in
      word.contains(where: \.isNumber)
        || (place > 0 && word.count > 2 && word.first?.isUppercase == true)
    }.map(\.element)
    if !marked.isEmpty { return Array(marked.prefix(3)) }
    return words.max { ($0.count, $1) < ($1.count, $0) }.map { [$0] } ?? []
  }
}
