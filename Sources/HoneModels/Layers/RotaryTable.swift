import Foundation

/// Cosines and sines of positions 0, 1, 2, ... for each pair, grown as positions are needed; a part
/// for each of the ways in which texts of different lengths are turned.
package final class RotaryTable {
  private let spec: RotarySpec
  /// `[rows x pairs]`.
  package private(set) var cosines: [Float] = []
  package private(set) var sines: [Float] = []
  /// The rows of each regime, see ``RotarySpec/regime(length:)``.
  private var parts: [Int: Range<Int>] = [:]

  package init(_ spec: RotarySpec) { self.spec = spec }

  package var pairCount: Int { spec.dimension / 2 }

  /// Makes the table hold positions `0 ..< count` of texts that are turned alike.
  ///
  /// - Returns: the row of position 0.
  @discardableResult
  package func grow(to count: Int, regime: Int = 0) -> Int {
    let old = parts[regime] ?? 0..<0
    guard count > old.count else { return old.lowerBound }
    let target = max(count, old.count * 2, 256)
    let rows = cosines.count / max(pairCount, 1)
    // What another part stands behind is made anew.
    let isLast = old.upperBound == rows && !old.isEmpty
    let first = isLast ? old.count : 0
    parts[regime] = (isLast ? old.lowerBound : rows)..<rows + target - first
    let frequencies = spec.frequencies(regime: regime)
    let magnitude = spec.magnitude
    cosines.reserveCapacity((rows + target - first) * pairCount)
    sines.reserveCapacity((rows + target - first) * pairCount)
    for position in first..<target {
      for frequency in frequencies {
        let angle = Float(position) * frequency
        cosines.append(cos(angle) * magnitude)
        sines.append(sin(angle) * magnitude)
      }
    }
    return parts[regime]?.lowerBound ?? 0
  }

  /// The rows of the positions of some texts.
  ///
  /// - Parameters:
  ///   - positions: those of each text's tokens.
  ///   - lengths: how long each text is or may become.
  func rows(_ positions: [Range<Int>], lengths: [Int]) -> [Int32] {
    let regimes = lengths.map { spec.regime(length: $0) }
    // Texts of ever new lengths would fill the memory.
    if parts.count > 16, regimes.contains(where: { parts[$0] == nil }) {
      parts = [:]
      cosines = []
      sines = []
    }
    var counts: [Int: Int] = [:]
    for (regime, range) in zip(regimes, positions) {
      counts[regime] = max(counts[regime] ?? 0, range.upperBound)
    }
    for (regime, count) in counts.sorted(by: { $0.key < $1.key }) {
      grow(to: count, regime: regime)
    }
    return zip(regimes, positions).flatMap { regime, range in
      let start = parts[regime]?.lowerBound ?? 0
      return range.map { Int32(start + $0) }
    }
  }
}
