/// A set of code points, as sorted ranges that neither overlap nor touch.
///
/// The domain is 0 to ``invalidCodePoint``, inclusive: what is not in a set of characters, an
/// ill-formed byte is in the set's inverse.
struct CodePointSet: Equatable, Sendable {
  private(set) var ranges: [ClosedRange<UInt32>] = []

  init() {}

  init(_ ranges: [ClosedRange<UInt32>]) {
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = self.ranges.last, range.lowerBound <= last.upperBound &+ 1 {
        let upper = max(last.upperBound, range.upperBound)
        self.ranges[self.ranges.count - 1] = last.lowerBound...upper
      } else {
        self.ranges.append(range)
      }
    }
  }

  init(_ range: ClosedRange<UInt32>) { ranges = [range] }

  init(_ points: some Sequence<UInt32>) { self.init(points.map { $0...$0 }) }

  static let everything = CodePointSet(0...invalidCodePoint)

  var isEmpty: Bool { ranges.isEmpty }

  /// How many code points it holds.
  var count: Int { ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) + 1 } }

  var inverted: CodePointSet {
    var result = CodePointSet()
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { result.ranges.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= invalidCodePoint { result.ranges.append(next...invalidCodePoint) }
    return result
  }

  func union(_ other: CodePointSet) -> CodePointSet { CodePointSet(ranges + other.ranges) }

  func intersection(_ other: CodePointSet) -> CodePointSet {
    inverted.union(other.inverted).inverted
  }

  func contains(_ point: UInt32) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < point { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].lowerBound <= point
  }
}
