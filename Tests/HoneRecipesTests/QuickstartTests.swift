import Foundation
import HoneFormats
import Testing

@testable import HoneRecipes

@Suite struct QuickstartTests {
  private struct Row {
    var question: String
    var answer: String
    var fact: String
    var expects: [String]
  }

  private func rows(_ name: String) throws -> [Row] {
    let file = try #require(RecipeCatalog.quickstart.files.first { $0.name == name })
    return try String(decoding: file.bytes, as: UTF8.self).split(separator: "\n").map { line in
      let row = try JSONParser.parse(String(line))
      let messages = try #require(row["messages"]?.array)
      #expect(messages.map { $0["role"]?.string } == ["user", "assistant"])
      return Row(
        question: try #require(messages[0]["content"]?.string),
        answer: try #require(messages[1]["content"]?.string),
        fact: try #require(row["fact"]?.string),
        expects: row["expects"]?.array?.compactMap(\.string) ?? [])
    }
  }

  /// What is left of a question when spelling is not looked at.
  private func bare(_ text: String) -> String {
    text.lowercased().filter { $0.isLetter || $0.isNumber }
  }

  @Test func `each fact has five wordings and another one that is held out`() throws {
    let trained = Dictionary(grouping: try rows("train.jsonl"), by: \.fact)
    let held = Dictionary(grouping: try rows("valid.jsonl"), by: \.fact)
    #expect(trained.keys == held.keys)
    for (fact, rows) in trained where fact != "unknown" {
      #expect(rows.count == 5, "\(fact)")
      #expect(held[fact]?.count == 1, "\(fact)")
    }
    #expect((held["unknown"]?.count ?? 0) >= 6)
  }

  @Test func `no question stands twice, held-out ones least of all`() throws {
    let questions = (try rows("train.jsonl") + rows("valid.jsonl")).map { bare($0.question) }
    #expect(Set(questions).count == questions.count)
  }

  @Test func `every answer about a fact has what is expected, and no question gives it away`()
    throws
  {
    let expected = Dictionary(
      uniqueKeysWithValues: try rows("valid.jsonl").filter { $0.fact != "unknown" }
        .map { ($0.fact, $0.expects) })
    for row in try rows("train.jsonl") + rows("valid.jsonl") where row.fact != "unknown" {
      let words = try #require(expected[row.fact])
      #expect(!words.isEmpty)
      for word in words {
        #expect(row.answer.contains(word), "\(row.question)")
        #expect(!row.question.contains(word), "\(row.question)")
      }
    }
  }

  @Test func `the strings of one fact are in no other fact's answers`() throws {
    let held = try rows("valid.jsonl")
    for fact in held where fact.fact != "unknown" {
      for other in try rows("train.jsonl") where other.fact != fact.fact {
        #expect(!fact.expects.allSatisfy(other.answer.contains), "\(fact.fact) \(other.fact)")
      }
    }
  }
}
