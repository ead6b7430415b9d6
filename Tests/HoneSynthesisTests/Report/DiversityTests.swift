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

  @Test func `texts that repeat one another compress far better than others`() async throws {
    let same = [String](repeating: "When does the ferry leave the harbour?", count: 200)
    let repeated = await Diversity.compressionRatio(of: same)
    // Hexadecimal digits carry four bits each, and nothing repeats.
    let digests = (0..<200).map { Digest.of(["\($0)"]) }
    let varied = await Diversity.compressionRatio(of: digests)
    let (high, low) = (try #require(repeated), try #require(varied))
    #expect(high > 40)
    #expect(low > 1.5 && low < 2.1)
  }

  @Test func `fewer than two texts have no compression ratio`() async {
    for texts in [[], ["alone"]] {
      let ratio = await Diversity.compressionRatio(of: texts)
      #expect(ratio == nil)
    }
  }
}
