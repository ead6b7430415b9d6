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
    /// Whether it judges with others, as a part of ``Calibration/combination``. Its line is then only
    /// what it would be alone.
    package var isJoined = false
    /// The shares of false and of true controls that reach it.
    package var falseAccepted: Double
    package var trueAccepted: Double
    /// The controls' values, for the report.
    package var trueValues: [Double]
    package var falseValues: [Double]

    package var isOn: Bool { threshold != nil }

    /// What controls with these values say of a line.
    ///
    /// - Parameter kinds: of each false value, how its control was made.
    init(
      _ filter: String, trues: [Double], falses: [Double], kinds: [Control.Kind],
      threshold: Double?
    ) {
      self.filter = filter
      self.threshold = threshold
      (trueValues, falseValues) = (trues, falses)
      auc = Calibration.auc(trues, falses)
      aucByKind = [:]
      for kind in Set(kinds) {
        aucByKind[kind.rawValue] = Calibration.auc(
          trues, zip(falses, kinds).filter { $0.1 == kind }.map(\.0))
      }
      func share(_ values: [Double]) -> Double {
        guard let threshold, !values.isEmpty else { return 1 }
        return Double(values.count { $0 >= threshold }) / Double(values.count)
      }
      (falseAccepted, trueAccepted) = (share(falses), share(trues))
    }
  }

  /// Under this the controls say that a filter cannot tell true from false here.
  package static let leastAUC = 0.65
  /// Fewer controls of a side than this say nothing.
  package static let fewestControls = 8

  package var findings: [Finding]
  /// The filters that judge as one; nil where fewer than two of them tell true from false.
  package var combination: Combination?

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
      var falses: [Double] = []
      var kinds: [Control.Kind] = []
      for (control, measurements) in zip(controls, measured) {
        guard let value = filter.value(measurements, control.pair) else { continue }
        guard let kind = control.kind else {
          trues.append(value)
          continue
        }
        falses.append(value)
        kinds.append(kind)
      }
      let auc = Self.auc(trues, falses)
      let isEnough =
        trues.count >= Self.fewestControls && falses.count >= Self.fewestControls
      var threshold: Double?
      switch filter.line {
      case .calibrated where isEnough && auc >= Self.leastAUC:
        threshold = Self.threshold(falses, rate: falseAcceptRate)
      case .fixed(let value) where isEnough && auc >= Self.leastAUC: threshold = value
      case .judgedByNone(let value): threshold = value
      default: break
      }
      if let given = thresholds[filter.name] { threshold = given }
      return Finding(
        filter.name, trues: trues, falses: falses, kinds: kinds, threshold: threshold)
    }
    join(
      filters.filter {
        $0.line == .calibrated && thresholds[$0.name] == nil && self[$0.name]!.isOn
      }, controls, measured, falseAcceptRate)
  }

  /// Makes one line of several filters' values. One after the other would lose true pairs at each: five
  /// that each let four of five pass leave a third.
  private mutating func join(
    _ filters: [LikelihoodFilter], _ controls: [Control], _ measured: [Measurements], _ rate: Double
  ) {
    guard filters.count > 1 else { return }
    let names = filters.map(\.name)
    let rows = zip(controls, measured).compactMap { control, measurements -> Row? in
      let values = filters.compactMap { $0.value(measurements, control.pair) }
      guard values.count == filters.count else { return nil }
      return Row(kind: control.kind, origin: control.origin, values: values)
    }
    func combination(_ rows: [Row]) -> Combination {
      Combination(
        names, trues: rows.filter { $0.kind == nil }.map(\.values),
        falses: rows.filter { $0.kind != nil }.map(\.values))
    }
    // What is said of the line comes from controls that had no part in its weights, nor had what was
    // made of the same pair.
    let parts = 5
    var judged: [(kind: Control.Kind?, value: Double)] = []
    for part in 0..<parts {
      let weights = combination(rows.filter { $0.origin % parts != part })
      for row in rows where row.origin % parts == part {
        let values = Dictionary(uniqueKeysWithValues: zip(names, row.values))
        judged.append((row.kind, weights.value(values) ?? 0))
      }
    }
    let trues = judged.filter { $0.kind == nil }.map(\.value)
    let falses = judged.filter { $0.kind != nil }.map(\.value)
    guard trues.count >= Self.fewestControls, falses.count >= Self.fewestControls else { return }
    self.combination = combination(rows)
    for index in findings.indices where names.contains(findings[index].filter) {
      findings[index].isJoined = true
    }
    findings.append(
      Finding(
        Combination.name, trues: trues, falses: falses, kinds: judged.compactMap(\.kind),
        threshold: Self.threshold(falses, rate: rate)))
  }

  private struct Row {
    var kind: Control.Kind?
    var origin: Int
    var values: [Double]
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

  /// What a filter weighs among those that judge as one; nil for one that judges alone.
  package func weight(of finding: Finding) -> Double? {
    guard finding.isJoined else { return nil }
    return combination?.parts.first { $0.filter == finding.filter }?.weight
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
            ("weight", weight(of: finding).map { .number($0) } ?? .null),
            ("false_accepted", .number(finding.falseAccepted)),
            ("true_accepted", .number(finding.trueAccepted)),
            ("true", .array(finding.trueValues.map { .number($0) })),
            ("false", .array(finding.falseValues.map { .number($0) })),
          ]))
      })
  }
}
