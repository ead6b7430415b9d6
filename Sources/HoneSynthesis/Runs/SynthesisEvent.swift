import HoneFormats

/// What a run has to tell while it goes on.
package enum SynthesisEvent: Sendable {
  /// Where a run stands.
  package struct Progress: Equatable, Sendable {
    package var candidates: Int
    package var accepted: Int
    package var wanted: Int
    package var budget: Int
    /// Seconds since the candidates began.
    package var seconds: Double

    /// Candidates a second.
    package var rate: Double { seconds > 0 ? Double(candidates) / seconds : 0 }
    /// Accepted of all.
    package var yield: Double { candidates > 0 ? Double(accepted) / Double(candidates) : 0 }
    /// Seconds until enough are accepted at this yield, or the budget is used.
    package var secondsLeft: Double? {
      guard rate > 0, candidates > 0 else { return nil }
      let rest = Double(budget - candidates)
      guard accepted > 0 else { return rest / rate }
      return min(rest, Double(wanted - accepted) / yield) / rate
    }
  }

  /// Documents were read: how many passages they have, and notes.
  case ingested(passages: Int, heldOut: Int, notes: [String])
  /// Passages of so many tokens will go to an endpoint's host, in about so many calls at most, whose
  /// prompts have so many tokens together.
  case sending(host: String, passages: Int, tokens: Int, calls: Int, callTokens: Int)
  /// Lines are being found.
  case calibrating(controls: Int)
  case calibrated(Calibration)
  case progress(Progress)
  case ended(Funnel, seconds: Double)

  /// The event as a line of `events.jsonl`.
  package var json: JSONValue {
    func line(_ name: String, _ members: [(String, JSONValue)]) -> JSONValue {
      .object(JSONObject([("event", .string(name))] + members))
    }
    switch self {
    case .ingested(let passages, let heldOut, let notes):
      return line(
        "ingested",
        [
          ("passages", .integer(passages)), ("held_out", .integer(heldOut)),
          ("notes", .array(notes.map { .string($0) })),
        ])
    case .sending(let host, let passages, let tokens, let calls, let callTokens):
      return line(
        "sending",
        [
          ("host", .string(host)), ("passages", .integer(passages)), ("tokens", .integer(tokens)),
          ("calls", .integer(calls)), ("call_tokens", .integer(callTokens)),
        ])
    case .calibrating(let controls):
      return line("calibrating", [("controls", .integer(controls))])
    case .calibrated(let calibration):
      return line(
        "calibrated",
        [
          (
            "filters",
            .object(
              JSONObject(
                calibration.findings.map { finding in
                  (
                    finding.filter,
                    .object(
                      JSONObject([
                        ("auc", .number(finding.auc)),
                        ("threshold", finding.threshold.map { .number($0) } ?? .null),
                      ]))
                  )
                }))
          )
        ])
    case .progress(let progress):
      return line(
        "progress",
        [
          ("candidates", .integer(progress.candidates)), ("accepted", .integer(progress.accepted)),
          ("seconds", .number((progress.seconds * 10).rounded() / 10)),
          ("candidates_per_second", .number((progress.rate * 100).rounded() / 100)),
          ("yield", .number((progress.yield * 1000).rounded() / 1000)),
          ("seconds_left", progress.secondsLeft.map { .number($0.rounded()) } ?? .null),
        ])
    case .ended(let funnel, let seconds):
      var members: [(String, JSONValue)] = [
        ("candidates", .integer(funnel.candidates)), ("accepted", .integer(funnel.accepted)),
        ("seconds", .number((seconds * 10).rounded() / 10)),
        (
          "rejected",
          .object(JSONObject(funnel.losses.map { ($0.filter, .integer($0.count)) }))
        ),
      ]
      if !funnel.coverage.isEmpty {
        members.append(("coverage", .array(funnel.coverage.map(\.json))))
      }
      return line("ended", members)
    }
  }
}

extension Funnel.Coverage {
  fileprivate var json: JSONValue {
    .object(
      JSONObject([
        ("sampler", .string(sampler.rawValue)), ("value", .string(value)),
        ("drawn", .integer(drawn)), ("accepted", .integer(accepted)),
      ]))
  }
}
