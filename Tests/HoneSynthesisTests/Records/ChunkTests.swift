import Testing

@testable import HoneSynthesis

@Suite struct ChunkTests {
  @Test func `a chunk keeps its name when only its overlap or its place changes`() {
    let whole = Chunk(
      document: "a.md", documentDigest: "1", headings: ["Boats"], range: 10..<26, overlap: 7,
      text: "before. The tide", tokenCount: 4)
    let trimmed = Chunk(
      document: "moved/b.md", documentDigest: "2", headings: ["Boats"], range: 90..<99,
      text: " The tide", tokenCount: 2)
    #expect(whole.id == trimmed.id)
    let elsewhere = Chunk(
      document: "a.md", documentDigest: "1", headings: ["Oars"], range: 90..<99,
      text: " The tide", tokenCount: 2)
    #expect(elsewhere.id != trimmed.id)
    #expect(whole.id.count == 16)
  }

  @Test func `a passage shows its headings above its text`() {
    #expect(
      Chunk.sample("Text.", headings: ["Handbook", "Boats"]).passage
        == "Handbook > Boats\n\nText.")
    #expect(Chunk.sample("Text.").passage == "Text.")
  }
}
