import Testing

@testable import HoneSynthesis

@Suite struct SimilarSetsTests {
  /// Few members, so that many sets are alike, spread as hashes are.
  private static func sets(_ count: Int, of members: ClosedRange<Int>, seed: UInt64) -> [Set<
    UInt64
  >] {
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(WordHashes.mixed(state) % UInt64(bound))
    }
    return (0..<count).map { _ in
      let size = members.lowerBound + next(members.count)
      return Set((0..<size).map { _ in WordHashes.mixed(UInt64(next(24) + 1)) })
    }
  }

  @Test(arguments: [0.1, 0.3, 0.5, 0.7, 0.75, 1])
  func `the same is found as by comparing with all`(similarity: Double) throws {
    let all = Self.sets(400, of: 1...20, seed: 11)
    let seen = try SimilarSets(similarity: similarity)
    var matches = 0
    for (number, set) in all.enumerated() {
      var best: (number: Int, similarity: Double)?
      for (other, known) in all[..<number].enumerated() {
        let likeness =
          Double(set.intersection(known).count) / Double(set.union(known).count)
        if likeness >= similarity, likeness > best?.similarity ?? 0 { best = (other, likeness) }
      }
      let found = try seen.match(set)
      #expect(found?.number == best?.number)
      #expect(found?.similarity == best?.similarity)
      matches += best == nil ? 0 : 1
      try seen.insert(set)
    }
    #expect(matches > 3)
  }

  @Test func `an empty set is like none`() throws {
    let seen = try SimilarSets(similarity: 0.5)
    try seen.insert([])
    #expect(try seen.match([]) == nil)
    #expect(try seen.match([1]) == nil)
  }
}
