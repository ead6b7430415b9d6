/// How much two texts say in the same words and the same order: the F1 of their longest common
/// subsequence of words.
///
/// With `l` words in common, in order but not in one piece, of `n` and `m` words it is
/// `2 l / (n + m)`. Lin, "ROUGE: a package for automatic evaluation of summaries", 2004.
package enum RougeL {
  /// The F1 of two lists of words; 0 where either has none. Takes `n m` comparisons.
  package static func f1(_ first: [String], _ second: [String]) -> Double {
    guard !first.isEmpty, !second.isEmpty else { return 0 }
    return 2 * Double(commonLength(first, second)) / Double(first.count + second.count)
  }

  /// The list most like some words, the first of several; nil where there is no list.
  ///
  /// `l` is at most the shorter length, so lists of too different lengths need no comparing.
  package static func nearest(
    to words: [String], among lists: [[String]]
  ) -> (place: Int, f1: Double)? {
    var best: (place: Int, f1: Double)?
    for (place, list) in lists.enumerated() {
      let bound =
        2 * Double(min(words.count, list.count)) / Double(max(1, words.count + list.count))
      if let best, bound <= best.f1 { continue }
      let likeness = f1(words, list)
      if let best, likeness <= best.f1 { continue }
      best = (place, likeness)
    }
    return best
  }

  /// The length of the longest common subsequence, a row of the table at a time.
  private static func commonLength(_ first: [String], _ second: [String]) -> Int {
    var row = [Int](repeating: 0, count: second.count + 1)
    for word in first {
      var diagonal = 0
      for (column, other) in second.enumerated() {
        let above = row[column + 1]
        row[column + 1] = word == other ? diagonal + 1 : max(above, row[column])
        diagonal = above
      }
    }
    return row[second.count]
  }
}
