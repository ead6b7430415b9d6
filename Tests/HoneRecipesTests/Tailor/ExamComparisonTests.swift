import Foundation
import Testing

@testable import HoneRecipes

@Suite struct ExamComparisonTests {
  /// An exam over as many documents, four questions each.
  private func sheet(documents: Int) -> ExamSheet {
    ExamSheet(
      (0..<documents).flatMap { document in
        (0..<4).map { question in
          ExamSheet.Item(
            question: "What is \(document) \(question)?", choices: ["a", "b"], answer: "a",
            expects: ["a"], document: "\(document).md", passage: "\(document)/\(question / 2)")
        }
      })
  }

  private func sitting(_ sheet: ExamSheet, isRight: (Int) -> Bool) -> ExamSitting {
    ExamSitting(
      sheet.items.indices.map {
        .init(
          text: "", isRight: isRight($0), choosesRight: isRight($0), bits: isRight($0) ? 2 : 8,
          bytes: 2)
      })
  }

  @Test func `shares and bits are those of all questions`() throws {
    let sheet = sheet(documents: 10)
    let comparison = ExamComparison(
      sheet, before: sitting(sheet) { $0 % 4 == 0 }, after: sitting(sheet) { $0 % 4 != 3 })
    #expect(
      comparison.measures.map(\.name) == [
        "answered right", "right choice the likeliest", "bits a byte of the answer",
      ])
    #expect(comparison.measures.map(\.before) == [0.25, 0.25, 3.25])
    #expect(comparison.measures.map(\.after) == [0.75, 0.75, 1.75])
    // Every document gains the same, so no draw can differ.
    #expect(comparison.measures.map(\.difference) == [0.5...0.5, 0.5...0.5, -1.5 ... -1.5])
    #expect(comparison.measures.map(\.count) == [40, 40, 40])
  }

  @Test func `the interval is of whole documents, wider than of single questions`() throws {
    let sheet = sheet(documents: 10)
    // Half of the documents gain everything, the others nothing.
    let comparison = ExamComparison(
      sheet, before: sitting(sheet) { _ in false }, after: sitting(sheet) { $0 < 20 })
    let difference = try #require(comparison.measures.first).difference
    // Of ten documents drawn at a half each, 95 % have 2 to 8 (binomial).
    #expect(difference == 0.2...0.8)
    #expect(comparison.clusterName == "document" && comparison.clusterCount == 10)
    #expect(try #require(comparison.measures.first).isSure)
  }

  @Test func `few documents are drawn by their passages, and nothing gained is nothing sure`()
    throws
  {
    let sheet = sheet(documents: 2)
    let comparison = ExamComparison(
      sheet, before: sitting(sheet) { $0 % 2 == 0 }, after: sitting(sheet) { $0 % 2 == 1 })
    #expect(comparison.clusterName == "passage" && comparison.clusterCount == 4)
    #expect(comparison.measures.allSatisfy { !$0.isSure })
  }

  @Test func `three sittings stand side by side, with the difference of every two`() throws {
    let sheet = sheet(documents: 10)
    let table = ExamTable(
      sheet, columns: ["before", "sft", "dpo"],
      sittings: [
        sitting(sheet) { $0 % 4 == 0 }, sitting(sheet) { $0 % 4 != 3 },
        sitting(sheet) { _ in true },
      ])
    #expect(
      table.differences.map(\.heading) == [
        "sft - before (95 %)", "dpo - before (95 %)", "dpo - sft (95 %)",
      ])
    #expect(
      table.rows[0]
        == .init(
          name: "answered right", values: ["25 %", "75 %", "100 %"], shares: [0.25, 0.75, 1],
          differences: ["+50 to +50 points", "+75 to +75 points", "+25 to +25 points"]))
    #expect(
      table.rows[2]
        == .init(
          name: "bits a byte of the answer", values: ["3.25", "1.75", "1.00"],
          shares: [1, 1.75 / 3.25, 1 / 3.25],
          differences: ["-1.50 to -1.50", "-2.25 to -2.25", "-0.75 to -0.75"]))
    #expect(table.whole.measures.map(\.after) == [1, 1, 1])
    // What only the last has right comes first.
    let samples = table.samples(count: 2)
    #expect(samples.map(\.question) == ["What is 0 1?", "What is 0 0?"])
    #expect(samples[0].answers.count == 3)
  }

  @Test func `two sittings are before and after`() {
    let sheet = sheet(documents: 10)
    let table = ExamTable(
      sheet, columns: ["before", "after"],
      sittings: [sitting(sheet) { _ in false }, sitting(sheet) { $0 < 20 }])
    #expect(table.differences.map(\.heading) == ["difference (95 %)"])
    #expect(table.rows[0].values == ["0 %", "50 %"])
    #expect(table.rows[0].differences == ["+20 to +80 points"])
  }

  @Test func `questions without choices have no share of right choices`() {
    let sheet = ExamSheet([.init(question: "What?", answer: "b", expects: ["b"])])
    let one = ExamSitting([
      .init(text: "B.", isRight: true, choosesRight: nil, bits: 1, bytes: 1)
    ])
    let comparison = ExamComparison(sheet, before: one, after: one)
    #expect(
      comparison.measures.map(\.name) == ["answered right", "bits a byte of the answer"])
  }

  @Test func `an answer is right when it has everything expected, in any case`() {
    #expect(ExamSitting.isRight("It is OPEN from 7:40.", ["7:40", "open"]))
    #expect(!ExamSitting.isRight("It is open from 7:40.", ["7:40", "closed"]))
    #expect(!ExamSitting.isRight("Yes.", []))
    for (text, expected, isRight) in [
      ("At 98.4.", "9", false), ("At 9.", "9", true), ("9,5", "9", false), ("19", "9", false),
      ("It is often shut.", "ten", false), ("Ten, I think.", "ten", true), ("tenth", "ten", false),
      ("On Mondays.", "Monday", true), ("seventeen", "seven", false), ("5.8", "5.8", true),
      ("15.8", "5.8", false), ("U-7", "U-7", true), ("U-70", "U-7", false), ("7:40", "7", false),
      ("the Hen Rock", "Hen Rock", true), ("", "a", false),
    ] {
      #expect(ExamSitting.isRight(text, [expected]) == isRight, "\(expected) in \(text)")
    }
  }
}

@Suite struct ExamSheetTests {
  private func sheet(_ text: String) throws -> ExamSheet {
    let path = NSTemporaryDirectory() + "hone-exam-\(UUID().uuidString).jsonl"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return try ExamSheet(reading: path)
  }

  @Test func `one's own exam needs a question and an answer alone`() throws {
    let items = try sheet(
      """
      {"question": "When?", "answer": "At 7:40."}
      {"question": "Who?", "answer": "Mette.", "expects": ["Mette"], "choices": ["Mette.", "Oda."], "document": "a.md"}

      """
    ).items
    #expect(items[0] == .init(question: "When?", answer: "At 7:40.", expects: ["At 7:40."]))
    #expect(
      items[1]
        == .init(
          question: "Who?", choices: ["Mette.", "Oda."], answer: "Mette.", expects: ["Mette"],
          document: "a.md"))
  }

  @Test(arguments: [
    ("{\"question\": \"When?\"}\n", "line 1: is no question of an exam; give it"),
    (
      "{\"question\": \"When?\", \"answer\": \"Now\", \"expects\": \"Now\"}\n",
      "line 1: has expects that are no list of texts"
    ),
    ("", "has no questions; write one a line"),
  ])
  func `what is no exam is told with its line`(text: String, message: String) {
    let error = #expect(throws: (any Error).self) { try sheet(text) }
    #expect(error.map { "\($0)".contains(message) } == true, "\(error.debugDescription)")
  }
}
