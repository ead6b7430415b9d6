/// How many words two texts share.
package enum WordOverlap {
  /// Lower-case words of letters and digits; articles do not count.
  package static func words(of text: String) -> [String] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init).filter {
      !["a", "an", "the"].contains($0)
    }
  }

  /// The harmonic mean of precision and recall of words, as SQuAD measures answers; 1 for two texts
  /// without any.
  package static func f1(_ found: String, _ expected: String) -> Double {
    let (left, right) = (words(of: found), words(of: expected))
    guard !left.isEmpty, !right.isEmpty else { return left.isEmpty && right.isEmpty ? 1 : 0 }
    var counts: [String: Int] = [:]
    for word in right { counts[word, default: 0] += 1 }
    var shared = 0
    for word in left {
      guard let count = counts[word], count > 0 else { continue }
      counts[word] = count - 1
      shared += 1
    }
    return 2 * Double(shared) / Double(left.count + right.count)
  }
}
