/// How much texts differ from one another.
package struct Diversity: Equatable, Sendable {
  /// Different runs of one, two and three words, as shares of all such runs (distinct-n, Li et al.
  /// 2016).
  package var distinct: [Double]
  /// The mean cosine of two texts' words and pairs of words, from 0 to 1.
  package var selfSimilarity: Double
  /// How many entirely different texts these are worth, from 1 to their number: the Vendi score of
  /// order 2, n² over the sum of the squares of all similarities (Pasarkar and Dieng 2024).
  package var vendiScore: Double
  /// How many texts were compared with one another.
  package var count: Int

  /// More are compared in even steps; comparing takes the square of their number.
  static let mostTexts = 1_000

  /// - Returns: nil for fewer than two texts.
  package init?(of texts: [String]) {
    guard texts.count > 1 else { return nil }
    let stride = (texts.count + Self.mostTexts - 1) / Self.mostTexts
    let words = Swift.stride(from: 0, to: texts.count, by: stride)
      .map { WordHashes.of(texts[$0]) }
    count = words.count
    distinct = (1...3).map { length in
      let runs = words.filter { $0.count >= length }
        .flatMap { WordHashes.runs(of: length, in: $0) }
      return runs.isEmpty ? 0 : Double(Set(runs).count) / Double(runs.count)
    }
    let features = words.map { words in
      Set(WordHashes.runs(of: 1, in: words) + WordHashes.runs(of: 2, in: words)).sorted()
    }
    var sum = 0.0
    var squares = Double(count)
    for i in features.indices {
      for j in 0..<i {
        let cosine = Self.cosine(features[i], features[j])
        sum += cosine
        squares += 2 * cosine * cosine
      }
    }
    selfSimilarity = sum / (Double(count) * Double(count - 1) / 2)
    vendiScore = Double(count) * Double(count) / squares
  }

  private static func cosine(_ first: [UInt64], _ second: [UInt64]) -> Double {
    guard !first.isEmpty, !second.isEmpty else { return first.isEmpty && second.isEmpty ? 1 : 0 }
    return Double(SimilarSets.shared(first, second))
      / (Double(first.count) * Double(second.count)).squareRoot()
  }
}
