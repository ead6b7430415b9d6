/// Says of a pair how good it is by what a model's likelihoods measured of it.
///
/// Higher is better for all. Where the line is drawn is found on the user's own documents
/// (``Calibration``), save where a value has a meaning of its own.
package struct LikelihoodFilter: Sendable {
  /// Where the line between passing and failing is.
  package enum Line: Equatable, Sendable {
    /// Found on controls, for a share of false ones that pass.
    case calibrated
    /// A value with a meaning of its own; controls only say whether the filter is of use.
    case fixed(Double)
    /// A value with a meaning of its own that controls cannot judge.
    case judgedByNone(Double)

    /// The value with a meaning of its own; nil where there is none.
    package var value: Double? {
      switch self {
      case .calibrated: nil
      case .fixed(let value), .judgedByNone(let value): value
      }
    }
  }

  /// Its name in recipes, files and reports.
  package let name: String
  /// What a rejection means and why it matters, one sentence for the report.
  package let reason: String
  package let needs: Set<Measure>
  package let line: Line
  /// The value; nil where it cannot be measured.
  package let value: @Sendable (Measurements, QuestionPair) -> Double?

  /// All of them, in the order in which they judge.
  package static let all: [LikelihoodFilter] = [
    openBook, grounding, sourceRank, questionGain, yesOrNo, roundTrip, ifd, novelty,
  ]

  /// The verdict at a threshold.
  package func verdict(_ value: Double?, threshold: Double) -> Verdict {
    guard let value else {
      return Verdict(name, passes: false, reason: "cannot be measured")
    }
    let passes = value >= threshold
    return Verdict(
      name, value: value, threshold: threshold, passes: passes, reason: passes ? "" : reason)
  }
}
