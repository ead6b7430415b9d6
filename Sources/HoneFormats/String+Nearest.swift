extension String {
  /// The candidate that this was probably meant to be, or nil where none is near.
  package func nearest(in candidates: [String]) -> String? {
    candidates
      .map { (name: $0, distance: editDistance(to: $0)) }
      .filter { $0.distance <= max(1, $0.name.count / 3) }
      .min { $0.distance < $1.distance }?.name
  }

  /// How many letters must be inserted, removed, replaced or swapped with the next to get the other
  /// text (optimal string alignment).
  private func editDistance(to other: String) -> Int {
    let letters = Array(self)
    let other = Array(other)
    var beforeLast = [Int](repeating: 0, count: other.count + 1)
    var last = Array(0...other.count)
    for i in letters.indices {
      var row = [i + 1]
      for j in other.indices {
        let replaced = last[j] + (letters[i] == other[j] ? 0 : 1)
        var distance = Swift.min(replaced, row[j] + 1, last[j + 1] + 1)
        if i > 0, j > 0, letters[i] == other[j - 1], letters[i - 1] == other[j] {
          distance = Swift.min(distance, beforeLast[j - 1] + 1)
        }
        row.append(distance)
      }
      (beforeLast, last) = (last, row)
    }
    return last[other.count]
  }
}
