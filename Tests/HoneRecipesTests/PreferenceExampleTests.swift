import Foundation
import HoneFormats
import Testing

@testable import HoneRecipes

/// The pairs of `Examples/pellgarth-voice`.
@Suite struct PreferenceExampleTests {
  private struct Row {
    var prompt: String
    var chosen: String
    var rejected: String
    var fact: String
  }

  private func lines(_ name: String) throws -> [JSONValue] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let text = try String(
      contentsOfFile: "\(root)/Examples/pellgarth-voice/\(name).jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONParser.parse(String($0)) }
  }

  private func rows(_ name: String) throws -> [Row] {
    try lines(name).map { line in
      func words(_ key: String, _ role: String) throws -> String {
        let messages = try #require(line[key]?.array)
        #expect(messages.count == 1 && messages[0]["role"]?.string == role)
        return try #require(messages[0]["content"]?.string)
      }
      return Row(
        prompt: try words("prompt", "user"), chosen: try words("chosen", "assistant"),
        rejected: try words("rejected", "assistant"), fact: try #require(line["fact"]?.string))
    }
  }

  private func quickstart(_ name: String) throws -> [JSONValue] {
    let file = try #require(RecipeCatalog.quickstart.files.first { $0.name == name })
    return try String(decoding: file.bytes, as: UTF8.self).split(separator: "\n")
      .map { try JSONParser.parse(String($0)) }
  }

  /// What is left of a question when spelling is not looked at.
  private func bare(_ text: String) -> String {
    text.lowercased().filter { $0.isLetter || $0.isNumber }
  }

  @Test func `there are pairs enough, and forty are held out`() throws {
    #expect(try rows("train").count >= 200)
    #expect(try rows("valid").count == 40)
  }

  @Test func `no prompt stands twice, nor among the questions of the quickstart`() throws {
    let own = try (rows("train") + rows("valid")).map { bare($0.prompt) }
    #expect(Set(own).count == own.count)
    let asked = try (quickstart("train.jsonl") + quickstart("valid.jsonl")).map {
      bare($0["messages"]?.array?.first?["content"]?.string ?? "")
    }
    #expect(Set(own).isDisjoint(with: asked))
  }

  @Test func `no answer stands twice`() throws {
    let answers = try (rows("train") + rows("valid")).flatMap { [$0.chosen, $0.rejected] }
    #expect(Set(answers).count == answers.count)
  }

  @Test func `both sides have the fact, so that only the voice tells them apart`() throws {
    var expected: [String: [String]] = [:]
    for line in try quickstart("valid.jsonl") {
      let fact = try #require(line["fact"]?.string)
      expected[fact] = line["expects"]?.array?.compactMap(\.string)
    }
    let rows = try rows("train") + rows("valid")
    #expect(Set(rows.map(\.fact)) == Set(expected.keys).union(["voice"]))
    for row in rows {
      for word in expected[row.fact] ?? [] {
        #expect(row.chosen.contains(word), "\(row.prompt)")
        #expect(row.rejected.contains(word), "\(row.prompt)")
      }
    }
  }

  @Test func `every fact is held out once`() throws {
    let held = Dictionary(grouping: try rows("valid"), by: \.fact)
    let trained = Dictionary(grouping: try rows("train"), by: \.fact)
    #expect(held.keys == trained.keys)
    for (fact, rows) in held where fact != "unknown" && fact != "voice" {
      #expect(rows.count == 1 && (trained[fact]?.count ?? 0) >= 7, "\(fact)")
    }
  }

  @Test func `length does not tell the sides apart`() throws {
    let rows = try rows("train") + rows("valid")
    func words(_ text: String) -> Int { text.split(separator: " ").count }
    let longer = rows.count { words($0.chosen) > words($0.rejected) }
    let shorter = rows.count { words($0.chosen) < words($0.rejected) }
    #expect(abs(longer - shorter) * 10 <= rows.count, "\(longer) longer, \(shorter) shorter")
    let chosen = rows.reduce(0) { $0 + words($1.chosen) }
    let rejected = rows.reduce(0) { $0 + words($1.rejected) }
    #expect(abs(chosen - rejected) * 30 <= chosen, "\(chosen) words chosen, \(rejected) rejected")
  }
}
