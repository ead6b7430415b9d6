import Testing

@testable import HoneSynthesis

@Suite struct DiversityTests {
  @Test func `the same text many times is worth one`() throws {
    let diversity = try #require(
      Diversity(of: [String](repeating: "When does the ferry leave?", count: 7)))
    #expect(abs(diversity.vendiScore - 1) < 1e-12)
    #expect(abs(diversity.selfSimilarity - 1) < 1e-12)
    #expect(diversity.distinct[0] == 1.0 / 7)
  }

  @Test func `texts without a common word are worth their number`() throws {
    let diversity = try #require(Diversity(of: ["one two three", "four five", "six seven eight"]))
    #expect(abs(diversity.vendiScore - 3) < 1e-12)
    #expect(diversity.selfSimilarity == 0)
    #expect(diversity.distinct == [1, 1, 1])
  }

  @Test func `two pairs of twins are worth two`() throws {
    let diversity = try #require(Diversity(of: ["a b", "c d", "a b", "c d"]))
    #expect(abs(diversity.vendiScore - 2) < 1e-12)
    #expect(abs(diversity.selfSimilarity - 1.0 / 3) < 1e-12)
  }

  @Test func `one text has no differences`() { #expect(Diversity(of: ["alone"]) == nil) }
}
