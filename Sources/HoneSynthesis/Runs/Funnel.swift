import HoneFormats

/// How many candidates there were, and where they were lost.
package struct Funnel: Equatable, Sendable {
  /// Candidates that one filter rejected.
  package struct Loss: Equatable, Sendable {
    package var filter: String
    package var count = 0
    /// A few of them: what was asked, what was answered, and why not.
    package var examples: [Example] = []
  }

  package struct Example: Equatable, Sendable {
    package var request: String
    package var response: String
    package var reason: String
  }

  /// How often a value was drawn by a sampler, and how many of those were accepted.
  package struct Coverage: Equatable, Sendable {
    package var sampler: Sampler
    package var value: String
    package var drawn = 0
    package var accepted = 0
  }

  private static let shownExamples = 3

  package private(set) var candidates = 0
  package private(set) var accepted = 0
  /// In the order in which filters judge, as far as they rejected anything.
  package private(set) var losses: [Loss] = []
  /// Each value that can be drawn, in the recipe's order.
  package private(set) var coverage: [Coverage]

  /// - Parameter samplers: the values that are drawn of.
  package init(_ samplers: [Sampler: [String]] = [:]) {
    coverage = Sampler.allCases.flatMap { sampler in
      (samplers[sampler] ?? []).map { Coverage(sampler: sampler, value: $0) }
    }
  }

  package mutating func count(_ record: SynthesisRecord) {
    candidates += 1
    for (index, part) in coverage.enumerated()
    where record.attributes[part.sampler.rawValue] == part.value {
      coverage[index].drawn += 1
      if record.isAccepted { coverage[index].accepted += 1 }
    }
    guard let rejection = record.rejection else {
      accepted += 1
      return
    }
    let position =
      losses.firstIndex { $0.filter == rejection.filter }
      ?? {
        losses.append(Loss(filter: rejection.filter))
        return losses.count - 1
      }()
    losses[position].count += 1
    if losses[position].examples.count < Self.shownExamples {
      losses[position].examples.append(
        Example(
          request: record.content.request, response: record.content.response,
          reason: rejection.reason))
    }
  }

  /// Why so few were accepted: the filters that rejected most, with an example each.
  package var explanation: String {
    losses.sorted { $0.count > $1.count }.prefix(6).map { loss in
      var text = "\n  \(loss.filter) rejected \(loss.count)"
      if let example = loss.examples.first {
        text += ": \(example.reason)"
        text += "\n    asked     \(Self.short(example.request))"
        text += "\n    answered  \(Self.short(example.response))"
      }
      return text
    }.joined()
  }

  private static func short(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return line.count > 140 ? line.prefix(137) + "..." : line
  }
}
