/// What preferences hold, counted.
package struct PreferenceStatistics: Sendable, Equatable {
  package var records = 0
  /// Pairs, or answers with a label, that are learned from.
  package var items = 0
  /// Of answers with a label, those that are good.
  package var desirable = 0
  /// Tokens that go through the network: a prompt counts once for each answer.
  package var tokens = 0
  package var promptTokens = 0
  /// Tokens of answers; `rejected` has those of answers whose label is false too.
  package var chosenTokens = 0
  package var rejectedTokens = 0
  /// What was left out, and where the first of each kind stand.
  package var skips: [PreferenceSkip: Skips] = [:]
  /// Answers that lost their end, on either side; and prompts that lost their beginning.
  package var cutChosen = 0
  package var cutRejected = 0
  package var cutPrompts = 0
  /// Pairs, or answers with a label, of which something was cut.
  package var cut = 0
  /// Where answers stand that lost their end token.
  package var lostEnds = Skips()
  /// Answers that have their end token.
  package var endTokens = 0
  /// Prompts that alone end otherwise than where an answer follows.
  package var shortenedPrompts = 0
  /// Pairs whose chosen answer is the longer, and the shorter, in tokens before they are cut.
  package var longerChosen = 0
  package var shorterChosen = 0
  /// Pairs that occur more than once, counted from the second time on.
  package var duplicates = 0
  /// Pairs that another has the other way round, and answers that have both labels.
  package var contradictions = 0
  /// Lengths of a prompt with its longer answer, at 0, 50, 95 and 100 per cent.
  package var shortest = 0
  package var median = 0
  package var percentile95 = 0
  package var longest = 0

  /// How often something happened, and where it first did.
  package struct Skips: Sendable, Equatable {
    package var count = 0
    /// The first few records.
    package var records: [Int] = []

    mutating func add(_ index: Int) {
      count += 1
      if records.count < 5, records.last != index { records.append(index) }
    }

    mutating func add(_ other: Skips) {
      count += other.count
      records = Array((records + other.records).prefix(5))
    }
  }

  package var skipped: Int { skips.values.reduce(0) { $0 + $1.count } }

  /// Adds what another part of the same data counted.
  mutating func add(_ other: PreferenceStatistics) {
    items += other.items
    desirable += other.desirable
    tokens += other.tokens
    promptTokens += other.promptTokens
    chosenTokens += other.chosenTokens
    rejectedTokens += other.rejectedTokens
    cutChosen += other.cutChosen
    cutRejected += other.cutRejected
    cutPrompts += other.cutPrompts
    cut += other.cut
    lostEnds.add(other.lostEnds)
    endTokens += other.endTokens
    shortenedPrompts += other.shortenedPrompts
    longerChosen += other.longerChosen
    shorterChosen += other.shorterChosen
    for (skip, found) in other.skips { skips[skip, default: Skips()].add(found) }
  }

  /// Counts one pair or answer of a record.
  mutating func count(_ item: PreferenceItem, of record: Int) {
    if let skip = item.skip {
      skips[skip, default: Skips()].add(record)
      return
    }
    items += 1
    promptTokens += item.prompt.count
    cutPrompts += item.isPromptCut ? 1 : 0
    cut += item.isCut ? 1 : 0
    shortenedPrompts += item.losesPromptEnd ? 1 : 0
    desirable += item.isDesirable == true ? 1 : 0
    for (number, side) in item.sides.enumerated() {
      let isChosen = item.isDesirable ?? (number == 0)
      tokens += item.prompt.count + side.ids.count
      chosenTokens += isChosen ? side.ids.count : 0
      rejectedTokens += isChosen ? 0 : side.ids.count
      cutChosen += isChosen && side.isCut ? 1 : 0
      cutRejected += !isChosen && side.isCut ? 1 : 0
      endTokens += side.ends ? 1 : 0
      if side.losesEnd { lostEnds.add(record) }
    }
    if item.sides.count == 2 {
      let (chosen, rejected) = (item.sides[0].fullCount, item.sides[1].fullCount)
      longerChosen += chosen > rejected ? 1 : 0
      shorterChosen += chosen < rejected ? 1 : 0
    }
  }

  /// Takes the lengths' percentiles.
  mutating func measure(_ lengths: [Int32]) {
    let sorted = lengths.sorted()
    guard let first = sorted.first, let last = sorted.last else { return }
    shortest = Int(first)
    median = Int(sorted[sorted.count / 2])
    percentile95 = Int(sorted[min(sorted.count - 1, sorted.count * 95 / 100)])
    longest = Int(last)
  }

  // MARK: Length

  /// How often "the longer answer is the chosen one", or the shorter, is right, whichever is more
  /// often; nil where there are no pairs. Pairs of equal lengths count half.
  package var lengthAccuracy: Double? {
    guard isPaired, items > 0 else { return nil }
    let ties = items - longerChosen - shorterChosen
    return (Double(max(longerChosen, shorterChosen)) + Double(ties) / 2) / Double(items)
  }

  /// Whether length explains the preference: a rule that looks at nothing else is right in more than
  /// three of five pairs, and so often that chance does not explain it (two-sided sign test, normal
  /// approximation, three deviations).
  package var isLengthBiased: Bool {
    guard let lengthAccuracy, lengthAccuracy > 0.6 else { return false }
    let difference = Double(abs(longerChosen - shorterChosen))
    return difference > 3 * Double(longerChosen + shorterChosen).squareRoot()
  }

  /// Whether pairs were counted, not answers with labels.
  package var isPaired = true
}
