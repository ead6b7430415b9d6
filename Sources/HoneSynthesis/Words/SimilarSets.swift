/// Finds among sets that were seen before the one that a set shares most members with, exactly.
///
/// Similarity is the share of all members of both that are in both (Jaccard). Sets that share `t` of
/// them have `⌈t n⌉` of the `n` members of each in common, so of the first `n - ⌈t n⌉ + 1` members of
/// each, in an order that is the same for all, at least one: those alone are looked up (prefix
/// filtering: Chaudhuri et al. 2006, Bayardo et al. 2007).
struct SimilarSets {
  let similarity: Double
  /// The members of each set, rising.
  private var sets: [[UInt64]] = []
  /// The sets that have a member among their first ones.
  private var places: [UInt64: [Int32]] = [:]

  /// - Parameter similarity: from when on two sets are similar, over 0.
  init(similarity: Double) { self.similarity = similarity }

  /// Takes a set in.
  ///
  /// - Parameter members: hashes, whose order says nothing of how common they are.
  /// - Returns: its number, from 0 on.
  @discardableResult
  mutating func insert(_ members: Set<UInt64>) -> Int {
    let sorted = members.sorted()
    for member in sorted.prefix(lookedUp(sorted.count)) {
      places[member, default: []].append(Int32(sets.count))
    }
    sets.append(sorted)
    return sets.count - 1
  }

  /// The most similar set, the first of several, where one is similar enough.
  func match(_ members: Set<UInt64>) -> (number: Int, similarity: Double)? {
    let sorted = members.sorted()
    var candidates: Set<Int32> = []
    for member in sorted.prefix(lookedUp(sorted.count)) {
      for place in places[member] ?? [] {
        let count = Double(sets[Int(place)].count)
        // Sets of too different sizes share too little whatever they share.
        if min(count, Double(sorted.count)) >= similarity * max(count, Double(sorted.count)) {
          candidates.insert(place)
        }
      }
    }
    var best: (number: Int, similarity: Double)?
    for place in candidates {
      let number = Int(place)
      let likeness = Self.similarity(sorted, sets[number])
      guard likeness >= similarity else { continue }
      if let found = best, (found.similarity, number) >= (likeness, found.number) { continue }
      best = (number, likeness)
    }
    return best
  }

  /// How many of the first members of a set of that size are looked up.
  private func lookedUp(_ count: Int) -> Int {
    guard count > 0 else { return 0 }
    // A product that rounding has lifted over a whole number must not cost a member.
    return count - Int((similarity * Double(count) - 1e-9).rounded(.up)) + 1
  }

  private static func similarity(_ first: [UInt64], _ second: [UInt64]) -> Double {
    let shared = shared(first, second)
    return Double(shared) / Double(first.count + second.count - shared)
  }

  /// How many members two rising lists have in common.
  static func shared(_ first: [UInt64], _ second: [UInt64]) -> Int {
    var shared = 0
    var (i, j) = (0, 0)
    while i < first.count, j < second.count {
      if first[i] == second[j] {
        shared += 1
        i += 1
        j += 1
      } else if first[i] < second[j] {
        i += 1
      } else {
        j += 1
      }
    }
    return shared
  }
}
