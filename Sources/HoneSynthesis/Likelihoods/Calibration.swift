import Foundation
import HoneFormats

/// How well each filter tells true pairs from false ones on the user's own documents, and where its
/// line is drawn.
package struct Calibration: Equatable, Sendable {
  /// What the controls say of one filter.
  package struct Finding: Equatable, Sendable {
    package var filter: String
    /// The chance that a true control has a higher value than a false one.
    package var auc: Double
    /// The same for each kind of false control.
    package var aucByKind: [String: Double]
    /// What a pair must reach; nil for a filter that is switched off.
    package var threshold: Double?
    /// The shares of false and of true controls that reach it.
    package var falseAccepted: Double
    package var trueAccepted: Double
    /// The controls' values, for the report.
    package var trueValues: [Double]
    package var falseValues: [Double]

    package var isOn: Bool { threshold != nil }
  }

  /// Under this the controls say that a filter cannot tell true from false here.
  package static let leastAUC = 0.65
  /// Fewer controls of a side than this say nothing.
  package static let fewestControls = 8

  package var findings: [Finding]

  package subscript(filter: String) -> Finding? { findings.first { $0.filter == filter } }

  /// Draws the lines.
  ///
  /// - Parameters:
  ///   - controls: measured true and false pairs.
  ///   - falseAcceptRate: the share of false controls that may pass a filter.
  ///   - thresholds: lines that the user draws, by the filters' names.
  package init(
    _ filters: [LikelihoodFilter], controls: [Control], measured: [Measurements],
    falseAcceptRate: Double, thresholds: [String: Double] = [:]
  ) {
    findings = filters.map { filter in
      var trues: [Double] = []
      var falses: [(kind: Control.Kind, value: Double)] = []
      for (control, measurements) in zip(controls, measured) {
        guard let value = filter.value(measurements, control.pair) else { continue }
        if let kind = control.kind { falses.append((kind, value)) } else { trues.append(value) }
      }
      let falseValues = falses.map(\.value)
      let auc = Self.auc(trues, falseValues)
      var byKind: [String: Double] = [:]
      for kind in Control.Kind.allCases {
        let own = falses.filter { $0.kind == kind }.map(\.value)
        if !own.isEmpty { byKind[kind.rawValue] = Self.auc(trues, own) }
      }
      let isEnough =
        trues.count >= Self.fewestControls && falses.count >= Self.fewestControls
      var threshold: Double?
      switch filter.line {
      case .calibrated where isEnough && auc >= Self.leastAUC:
        threshold = Self.threshold(falseValues, rate: falseAcceptRate)
      case .fixed(let value) where isEnough && auc >= Self.leastAUC: threshold = value
      case .judgedByNone(let value): threshold = value
      default: break
      }
      if let given = thresholds[filter.name] { threshold = given }
      func share(_ values: [Double]) -> Double {
        guard let threshold, !values.isEmpty else { return 1 }
        return Double(values.count { $0 >= threshold }) / Double(values.count)
      }
      return Finding(
        filter: filter.name, auc: auc, aucByKind: byKind, threshold: threshold,
        falseAccepted: share(falseValues), trueAccepted: share(trues), trueValues: trues,
        falseValues: falseValues)
    }
  }

  /// The area under the curve of true against false acceptances: the chance that a true one has the
  /// higher value, equal ones counting half. Mann and Whitney 1947.
  package static func auc(_ trues: [Double], _ falses: [Double]) -> Double {
    guard !trues.isEmpty, !falses.isEmpty else { return 0.5 }
    let sorted = falses.sorted()
    var wins = 0.0
    for value in trues {
      let below = Self.count(sorted) { $0 < value }
      let upTo = Self.count(sorted) { $0 <= value }
      wins += Double(below) + 0.5 * Double(upTo - below)
    }
    return wins / (Double(trues.count) * Double(falses.count))
  }

  /// How many of sorted values hold, those that hold standing first.
  private static func count(_ sorted: [Double], _ holds: (Double) -> Bool) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      if holds(sorted[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The lowest line that at most a share of false values reaches.
  package static func threshold(_ falses: [Double], rate: Double) -> Double {
    let sorted = falses.sorted(by: >)
    let allowed = Int((rate * Double(sorted.count)).rounded(.down))
    guard allowed < sorted.count else { return -.greatestFiniteMagnitude }
    return sorted[allowed].nextUp
  }

  /// For `calibration.json`.
  package var json: JSONValue {
    .array(
      findings.map { finding in
        .object(
          JSONObject([
            ("filter", .string(finding.filter)), ("auc", .number(finding.auc)),
            (
              "auc_by_kind",
              .object(
                JSONObject(
                  finding.aucByKind.sorted { $0.key < $1.key }.map { ($0.key, .number($0.value)) }))
            ),
            ("threshold", finding.threshold.map { .number($0) } ?? .null),
            ("false_accepted", .number(finding.falseAccepted)),
            ("true_accepted", .number(finding.trueAccepted)),
            ("true", .array(finding.trueValues.map { .number($0) })),
            ("false", .array(finding.falseValues.map { .number($0) })),
          ]))
      })
  }
}
