import HoneFormats
import HoneTraining

extension RunResult {
  /// The share of held-out preferences that the kept adapter finds right, and the first one that was
  /// measured; a model that is its own reference finds none right and none wrong.
  public var preferencesRight: (before: Double?, after: Double)? {
    let validations = events.filter { $0["event"]?.string == "validation" }
    func right(_ event: JSONObject?) -> Double? { event?["rewards/accuracies"]?.double }
    guard
      let after = right(validations.last { $0["step"]?.integer == end.bestStep })
    else { return nil }
    let first = validations.first { $0["step"]?.integer == 0 }
    let isNeutral = first?["rewards/margins"]?.double == 0
    return (isNeutral ? nil : right(first), after)
  }

  /// Whether the rewards are a score head's, and not made of log-probabilities.
  private var isOfRewardModel: Bool {
    events.contains { $0["rewards/chosen"] != nil && $0["logps/chosen"] == nil }
  }

  /// What the course of the rewards says, in plain words.
  var preferenceWarnings: [String] {
    let steps = events.filter { $0["event"]?.string == "step" }
    func mean(_ name: String, _ part: ArraySlice<JSONObject>) -> Double? {
      let values = part.compactMap { $0[name]?.double }
      return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
    let tenth = max(1, steps.count / 10)
    var warnings: [String] = []
    if !isOfRewardModel, let chosen = mean("rewards/chosen", steps.suffix(tenth)),
      let rejected = mean("rewards/rejected", steps.suffix(tenth)), chosen < 0, rejected < 0,
      mean("rewards/chosen", steps.prefix(1)).map({ $0 > chosen }) ?? false,
      mean("rewards/rejected", steps.prefix(1)).map({ $0 > rejected }) ?? false
    {
      warnings.append(
        "Both rewards fell: the model learns what not to say, and finds the chosen answers less "
          + "likely too. A lower learning_rate, a larger beta or an sft term beside the loss helps."
      )
    }
    // The first step of a model that is its own reference says nothing.
    let early = steps.dropFirst().prefix(tenth)
    if steps.count >= 10, let right = mean("rewards/accuracies", early), right >= 0.98 {
      warnings.append(
        "Nearly all preferences are right from the start: there is little left to learn, or the "
          + "rejected answers are easily told apart by something else than what is meant.")
    }
    return warnings
  }

  /// Rewards and the share of right preferences by step, where the objective has them.
  var preferenceCurves: [ReportContent.Curve] {
    func points(_ name: String, of kind: String) -> [ReportContent.Curve.Point] {
      events.compactMap { event in
        // A model that is its own reference finds nothing right and nothing wrong.
        guard event["event"]?.string == kind, event["rewards/margins"]?.double != 0,
          let step = event["step"]?.integer, let value = event[name]?.double
        else { return nil }
        return ReportContent.Curve.Point(step: step, value: value)
      }
    }
    let chosen = points("rewards/chosen", of: "step")
    guard !chosen.isEmpty else { return [] }
    return [
      ReportContent.Curve(
        "Rewards",
        caption: isOfRewardModel
          ? "What the score head gives the answers; the gap is the margin."
          : "How much likelier than for the reference the answers became; the gap is the margin.",
        lines: [
          .init("chosen", .trained, chosen),
          .init("rejected", .opposed, points("rewards/rejected", of: "step")),
        ]),
      ReportContent.Curve(
        "Preferences right",
        caption: "The share of pairs whose chosen answer has the larger reward.", isShare: true,
        lines: [
          .init("trained", .trained, points("rewards/accuracies", of: "step")),
          .init("held out", .heldOut, points("rewards/accuracies", of: "validation")),
        ]),
    ]
  }
}
