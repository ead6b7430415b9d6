/// Finds among sets that were seen before the one that a set shares most members with, exactly.
///
/// Similarity is the share of all members of both that are in both (Jaccard). Sets that share `t` of
/// them have `⌈t n⌉` of the `n` members of each in common, so of the first `n - ⌈t n⌉ + 1` members of
/// each, in an order that is the same for all, at least one: those alone are looked up (prefix
/// filtering: Chaudhuri et al. 2006, Bayardo et al. 2007).
///
/// They lie in a temporary file of SQLite's, so that memory does not grow with their number. Each is
/// kept at all of the members that it is looked up by: what is read is one run of rows a member.
final class SimilarSets {
  struct Match: Equatable {
    var number: Int
    /// What was said of the set when it was taken in.
    var label: String
    var similarity: Double
  }

  let similarity: Double
  private let database: TemporaryDatabase
  private var count = 0

  /// - Parameter similarity: from when on two sets are similar, over 0.
  /// - Throws: ``HoneFormats/FormatError`` where no temporary file can be written, as the others do.
  init(similarity: Double) throws {
    self.similarity = similarity
    database = try TemporaryDatabase(
      """
      CREATE TABLE sets (
        member INTEGER, size INTEGER, number INTEGER, members BLOB, label TEXT,
        PRIMARY KEY (member, size, number)) WITHOUT ROWID
      """)
  }

  /// Takes a set in.
  ///
  /// - Parameters:
  ///   - members: hashes, whose order says nothing of how common they are.
  ///   - label: what is told with a match.
  func insert(_ members: Set<UInt64>, label: String = "") throws {
    let sorted = members.sorted()
    let bytes = sorted.withUnsafeBytes { [UInt8]($0) }
    for member in sorted.prefix(lookedUp(sorted.count)) {
      try database.rows(
        "INSERT INTO sets VALUES (?, ?, ?, ?, ?)",
        [
          .integer(Int64(bitPattern: member)), .integer(Int64(sorted.count)),
          .integer(Int64(count)), .blob(bytes), .text(label),
        ])
    }
    count += 1
  }

  /// The most similar set, the first of several, where one is similar enough.
  func match(_ members: Set<UInt64>) throws -> Match? {
    let sorted = members.sorted()
    // Sets of too different sizes share too little whatever they share.
    let least = (similarity * Double(sorted.count) - 1e-9).rounded(.up)
    let most = (Double(sorted.count) / similarity + 1e-9).rounded(.down)
    var best: Match?
    for member in sorted.prefix(lookedUp(sorted.count)) {
      try database.rows(
        "SELECT number, members, label FROM sets WHERE member = ? AND size BETWEEN ? AND ?",
        [.integer(Int64(bitPattern: member)), .integer(Int64(least)), .integer(Int64(most))]
      ) { row in
        let likeness = row.bytes(1).withMemoryRebound(to: UInt64.self) {
          Self.similarity(sorted, $0)
        }
        let number = Int(row.integer(0))
        guard likeness >= similarity else { return }
        if let best, (best.similarity, number) >= (likeness, best.number) { return }
        best = Match(number: number, label: row.text(2), similarity: likeness)
      }
    }
    return best
  }

  /// How many of the first members of a set of that size are looked up.
  private func lookedUp(_ count: Int) -> Int {
    guard count > 0 else { return 0 }
    // A product that rounding has lifted over a whole number must not cost a member.
    return count - Int((similarity * Double(count) - 1e-9).rounded(.up)) + 1
  }

  private static func similarity<Second: RandomAccessCollection<UInt64>>(
    _ first: [UInt64], _ second: Second
  ) -> Double where Second.Index == Int {
    let shared = shared(first, second)
    return Double(shared) / Double(first.count + second.count - shared)
  }

  /// How many members two rising lists have in common.
  static func shared<Second: RandomAccessCollection<UInt64>>(
    _ first: [UInt64], _ second: Second
  ) -> Int where Second.Index == Int {
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
