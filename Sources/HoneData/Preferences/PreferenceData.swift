import HoneFormats
import HoneText

/// Preferences of a file for training: read once for their lengths, and again when their batch is
/// made, so that memory does not grow with the texts.
///
/// They are pairs, or single answers with a label; single answers are also made from pairs, the
/// chosen ones of all first. Each has a number from 0 to `count - 1`, which it keeps: its place in
/// the file, with those that are left out not counted.
package final class PreferenceData: Sendable {
  package let path: String
  package let statistics: PreferenceStatistics
  /// What makes the data unfit for training; nil when it is fit.
  package let fault: DataError?
  private let reader: PreferenceReader
  /// Which record each item belongs to, and which of its items it is.
  private let records: [Int32]
  private let parts: [Int32]
  /// Hashes, sorted.
  private let prompts: [UInt64]
  /// A number that changes when any token of any pair does, or the pairs' order; and so with the
  /// texts, the tokenizer, the chat template and the truncation.
  package let fingerprint: String

  /// How many pairs, or answers with a label, there are.
  package var count: Int { records.count }
  /// Whether there are pairs, not single answers.
  package var isPaired: Bool { reader.isPaired }
  /// How records are written.
  package var format: PreferenceFormat { reader.format }

  /// Reads a file or folder, and checks all of it.
  ///
  /// - Throws: ``DataError`` with what is wrong: records that are of no format, too many that
  ///   cannot be learned from or are too long, no end tokens.
  package convenience init(
    _ path: String, renderer: Renderer, options: PreferenceOptions
  ) throws {
    try self.init(inspecting: RecordSources.open(path), renderer: renderer, options: options)
    if let fault { throw fault }
  }

  /// Reads all of a source; what is wrong with its records becomes the data's ``fault``.
  ///
  /// - Throws: ``DataError`` when its first record is of no format.
  package init(
    inspecting source: any RecordSource, renderer: Renderer, options: PreferenceOptions
  ) throws {
    path = source.path
    reader = try PreferenceReader(source: source, renderer: renderer, options: options)
    var scan = PreferenceScan(reader)
    fault = scan.fault(reader)
    if options.unpairs, reader.format.isPaired {
      let order =
        scan.desirable.indices.filter { scan.desirable[$0] }
        + scan.desirable.indices.filter { !scan.desirable[$0] }
      records = order.map { scan.records[$0] }
      parts = order.map { scan.parts[$0] }
      scan.hashes = order.map { scan.hashes[$0] }
    } else {
      records = scan.records
      parts = scan.parts
    }
    fingerprint = String(scan.hashes.reduce(into: UInt64.start) { $0.mix($1) }, radix: 16)
    var statistics = scan.statistics
    scan.hashes.sort()
    scan.contraries.sort()
    statistics.duplicates = zip(scan.hashes, scan.hashes.dropFirst()).count { $0 == $1 }
    // Each of two that contradict each other is the other's contrary.
    statistics.contradictions = scan.contraries.countOf(sharedWith: scan.hashes) / 2
    self.statistics = statistics
    prompts = scan.prompts.sorted()
  }

  // MARK: Items

  /// A pair by its number.
  ///
  /// - Precondition: there are pairs.
  package func pair(_ index: Int) throws -> PreferencePair {
    precondition(isPaired, "single answers are asked for as pairs")
    let item = try item(index)
    return PreferencePair(
      prompt: item.prompt, chosen: item.sides[0].ids, rejected: item.sides[1].ids, index: index)
  }

  /// An answer with its label by its number.
  ///
  /// - Precondition: there are single answers.
  package func example(_ index: Int) throws -> UnpairedExample {
    precondition(!isPaired, "pairs are asked for as single answers")
    let item = try item(index)
    return UnpairedExample(
      prompt: item.prompt, completion: item.sides[0].ids, isDesirable: item.isDesirable ?? true,
      index: index)
  }

  /// A pair, or an answer with its label, as a question to a model; its answer is the chosen one.
  package func question(_ index: Int) throws -> Question {
    let item = try item(index)
    return Question(
      text: item.question, ids: item.prompt,
      answer: reader.renderer.tokenizer.decode(item.sides[0].ids, skippingSpecialTokens: true))
  }

  private func item(_ index: Int) throws -> PreferenceItem {
    let items = try reader.items(Int(records[index]))
    guard items.indices.contains(Int(parts[index])), items[Int(parts[index])].skip == nil else {
      throw DataError(
        path, problem: "\(place(of: index)): has changed since the data was read",
        advice: "leave the file alone while it is trained on")
    }
    return items[Int(parts[index])]
  }

  /// Where a pair or answer stands: `line 7`.
  package func place(of index: Int) -> String { reader.source.place(Int(records[index])) }

  /// Makes sure of pairs.
  ///
  /// - Parameter purpose: what needs them.
  /// - Throws: ``DataError`` when there are single answers.
  package func expectPairs(for purpose: String) throws {
    guard !isPaired else { return }
    throw DataError(
      path, problem: "has single answers with a label, and \(purpose) learns from pairs",
      advice: "kto learns from these")
  }

  // MARK: Comparing

  /// How many different prompts another set has too.
  package func sharedPrompts(with other: PreferenceData) -> Int {
    var last: UInt64?
    let own = prompts.filter { prompt in
      defer { last = prompt }
      return prompt != last
    }
    return own.countOf(sharedWith: other.prompts)
  }

  // MARK: Advice

  /// What a person should know before training, a sentence each: what was left out and cut, and what
  /// makes the data worse than it seems.
  package var lints: [String] {
    var lints = statistics.skipSentences(placedBy: reader.source.place)
    if statistics.lostEnds.count > 0 {
      lints.append(
        statistics.lostEnds.sentence("lost their end token when cut", reader.source.place))
    }
    func share(_ part: Double) -> String { "\(Int((100 * part).rounded())) %" }
    if statistics.isLengthBiased, let accuracy = statistics.lengthAccuracy {
      let longer = statistics.longerChosen > statistics.shorterChosen ? "longer" : "shorter"
      lints.append(
        "the \(longer) answer is the chosen one in \(share(accuracy)) of the pairs: length alone "
          + "explains that much of the preference")
    }
    let what = isPaired ? "pairs" : "answers"
    if statistics.duplicates > 0 { lints.append("\(statistics.duplicates) \(what) are repeated") }
    if statistics.contradictions > 0 {
      lints.append(
        isPaired
          ? "\(statistics.contradictions) pairs stand the other way round too"
          : "\(statistics.contradictions) answers have both labels")
    }
    if statistics.shortenedPrompts > 0 {
      lints.append(
        "\(statistics.shortenedPrompts) prompts end otherwise where an answer follows: the template "
          + "writes both ways, or a token crosses the boundary; answers begin where they part")
    }
    if !isPaired, count > 0, statistics.desirable == 0 || statistics.desirable == count {
      lints.append("all labels are \(statistics.desirable > 0): there is nothing to tell apart")
    }
    return lints
  }
}

extension PreferenceStatistics {
  /// What was left out, a sentence for each reason.
  func skipSentences(placedBy place: (Int) -> String) -> [String] {
    PreferenceSkip.allCases.compactMap { skip in
      skips[skip].map { $0.sentence("left out: \(skip.rawValue)", place) }
    }
  }
}

extension PreferenceStatistics.Skips {
  fileprivate func sentence(_ what: String, _ place: (Int) -> String) -> String {
    let places = records.map(place).joined(separator: ", ")
    return "\(count) \(what) (\(places)\(count > records.count ? ", ..." : ""))"
  }
}

extension [UInt64] {
  /// How many of a sorted list another sorted list has too.
  func countOf(sharedWith other: [UInt64]) -> Int {
    var position = 0
    return count { value in
      while position < other.count, other[position] < value { position += 1 }
      return position < other.count && other[position] == value
    }
  }
}
