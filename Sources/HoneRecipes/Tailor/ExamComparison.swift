import HoneTensors

/// Two sittings of one exam side by side, with how sure their difference is.
///
/// Questions of one document are alike, so the interval comes from drawing whole documents anew
/// (cluster bootstrap, 2,000 times, both sittings by the same draw): Cameron, Gelbach and Miller,
/// "Bootstrap-based improvements for inference with clustered errors", 2008.
package struct ExamComparison: Sendable {
  /// Something measured, before and after.
  package struct Measure: Equatable, Sendable {
    package var name: String
    package var before: Double
    package var after: Double
    /// 95 % of the draws' differences, after less before, lie within.
    package var difference: ClosedRange<Double>
    /// Of how many questions.
    package var count: Int
    /// Whether less is better.
    package var isCost: Bool

    /// Whether the interval leaves zero out.
    package var isSure: Bool { !difference.contains(0) }
  }

  package var measures: [Measure]
  /// What was drawn anew as a whole: `document` or `passage`.
  package var clusterName: String
  package var clusterCount: Int

  private static let draws = 2000

  package init(
    _ sheet: ExamSheet, before: ExamSitting, after: ExamSitting, seed: UInt64 = 7
  ) {
    let clusters = sheet.clusters
    clusterName = sheet.clusterName
    clusterCount = clusters.count
    typealias Fraction = (ExamSitting.Answer) -> (part: Double, whole: Double)
    let kinds: [(name: String, isCost: Bool, fraction: Fraction)] = [
      ("answered right", false, { ($0.isRight ? 1 : 0, 1) }),
      ("right choice the likeliest", false, { $0.choosesRight.map { ($0 ? 1 : 0, 1) } ?? (0, 0) }),
      ("bits a byte of the answer", true, { ($0.bits, Double($0.bytes)) }),
    ]
    measures = kinds.compactMap { kind in
      // Part and whole of each cluster, before and after: a draw only adds them up.
      let sums = clusters.map { cluster in
        cluster.reduce(into: (before: 0.0, after: 0.0, whole: 0.0)) { sum, index in
          let (first, second) = (
            kind.fraction(before.answers[index]), kind.fraction(after.answers[index])
          )
          sum.before += first.part
          sum.after += second.part
          sum.whole += first.whole
        }
      }
      let whole = sums.reduce(0) { $0 + $1.whole }
      guard whole > 0 else { return nil }
      let random = RandomSource(seed: seed, purpose: "exam \(kind.name)")
      var differences = (0..<Self.draws).map { draw -> Double in
        var difference = 0.0
        var whole = 0.0
        for place in sums.indices {
          let index = UInt64(draw * sums.count + place)
          let drawn = sums[min(Int(random.uniform(index) * Double(sums.count)), sums.count - 1)]
          difference += drawn.after - drawn.before
          whole += drawn.whole
        }
        return whole > 0 ? difference / whole : 0
      }
      differences.sort()
      let count = sheet.items.indices.count { kind.fraction(before.answers[$0]).whole > 0 }
      return Measure(
        name: kind.name, before: sums.reduce(0) { $0 + $1.before } / whole,
        after: sums.reduce(0) { $0 + $1.after } / whole,
        difference: differences[Self.draws / 40]...differences[Self.draws - 1 - Self.draws / 40],
        count: count, isCost: kind.isCost)
    }
  }
}

extension ExamComparison.Measure {
  /// A value in words: a share in per cent, bits with two digits.
  package func shown(_ value: Double) -> String {
    isCost ? value.fixed(2) : "\(Int((100 * value).rounded())) %"
  }

  /// The interval of the difference in words: `+12 to +31 points`.
  package var differenceInWords: String {
    func signed(_ value: Double) -> String {
      let text = isCost ? value.fixed(2) : String(Int((100 * value).rounded()))
      return value > 0 ? "+\(text)" : text
    }
    return "\(signed(difference.lowerBound)) to \(signed(difference.upperBound))"
      + (isCost ? "" : " points")
  }
}
