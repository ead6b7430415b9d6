import Testing

@testable import HoneSynthesis

@Suite struct RougeLTests {
  private func f1(_ first: String, _ second: String) -> Double {
    RougeL.f1(Words.lowercased(first), Words.lowercased(second))
  }

  // The sentences of Lin 2004: three and two words in common, in order, of four and four.
  @Test func `words count in their order, in pieces or not`() {
    #expect(f1("police killed the gunman", "police kill the gunman") == 0.75)
    #expect(f1("police killed the gunman", "the gunman kill police") == 0.5)
    #expect(f1("Police killed the GUNMAN.", "police killed the gunman") == 1)
    // "a b c" of seven and three words.
    #expect(f1("a x b y c z w", "a b c") == 0.6)
    #expect(f1("a b", "c d") == 0)
    #expect(f1("", "a b") == 0)
    #expect(f1("", "") == 0)
  }

  @Test func `the nearest is the same as by comparing with all`() {
    let lists = [
      "name a tree", "name the tallest tree of the old park", "why do bees dance", "",
      "name the tallest tree", "the tree",
    ].map { Words.lowercased($0) }
    for text in ["name the tallest tree in town", "bees", "dance with the tree", "x", ""] {
      let words = Words.lowercased(text)
      let all = lists.map { RougeL.f1(words, $0) }
      let nearest = RougeL.nearest(to: words, among: lists)
      #expect(nearest?.f1 == all.max())
      #expect(nearest?.place == all.firstIndex(of: all.max() ?? 0))
    }
    #expect(RougeL.nearest(to: ["a"], among: []) == nil)
  }
}
