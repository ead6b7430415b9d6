import Foundation

/// Finds texts that share rare words with another one.
///
/// Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009, with
/// k₁ = 1.2 and b = 0.75.
struct BM25 {
  private var postings: [String: [(text: Int, count: Int)]] = [:]
  private var lengths: [Int] = []
  private var meanLength = 1.0

  init(_ texts: [String]) {
    for (index, text) in texts.enumerated() {
      let words = WordOverlap.words(of: text)
      lengths.append(words.count)
      for (word, count) in Dictionary(words.map { ($0, 1) }, uniquingKeysWith: +) {
        postings[word, default: []].append((index, count))
      }
    }
    if !lengths.isEmpty {
      meanLength = max(1, Double(lengths.reduce(0, +)) / Double(lengths.count))
    }
  }

  /// The positions of the texts most like one, the likest first.
  func nearest(to text: String, count: Int) -> [Int] {
    var scores = [Double](repeating: 0, count: lengths.count)
    for word in Set(WordOverlap.words(of: text)).sorted() {
      let found = postings[word] ?? []
      let total = Double(lengths.count)
      let rarity = log(1 + (total - Double(found.count) + 0.5) / (Double(found.count) + 0.5))
      for (index, times) in found {
        let length = 0.25 + 0.75 * Double(lengths[index]) / meanLength
        scores[index] += rarity * Double(times) * 2.2 / (Double(times) + 1.2 * length)
      }
    }
    return scores.indices.filter { scores[$0] > 0 }
      .sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(count).map(\.self)
  }
}
