extension ReferenceScores {
  /// The share of pairs whose chosen answer has the larger log-probability.
  package func shareOfLikelierChosen(of count: Int) -> Double {
    let right = (0..<count).count { index in
      let sums = pair(index)
      return sums.chosen.shared + sums.chosen.tail > sums.rejected.shared + sums.rejected.tail
    }
    return Double(right) / Double(max(1, count))
  }
}
