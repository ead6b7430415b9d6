/// Judges candidates: by their text, by likelihoods, and against what was accepted before.
final class Judge {
  private let options: SynthesisOptions
  private let calibration: Calibration?
  private let workshop: Workshop
  private let pipeline: any SynthesisPipeline
  private let hard: [any Filter]
  private let filters: [LikelihoodFilter]
  private let needs: Set<Measure>
  private let seen: LikeRequests
  private let paraphrases: Paraphrases?

  init(
    _ options: SynthesisOptions, hard: [any Filter], calibration: Calibration?,
    workshop: Workshop, pipeline: any SynthesisPipeline, paraphrases: Paraphrases? = nil
  ) throws {
    self.pipeline = pipeline
    self.paraphrases = paraphrases
    self.options = options
    self.calibration = calibration
    self.workshop = workshop
    seen = try LikeRequests(similarity: options.similarity)
    for exam in options.exams { try seen.insert(exam: exam) }
    self.hard = hard
    // A filter that is switched off still shows its value where another one measures it anyway.
    filters = options.likelihoodFilters.filter {
      Self.threshold(of: $0, calibration, options) != nil
    }
    needs = filters.reduce(into: []) { $0.formUnion($1.needs) }
  }

  /// The line of a filter; nil where it judges nothing. Without passages there are no controls, and
  /// only lines with a meaning of their own and the user's hold.
  private static func threshold(
    of filter: LikelihoodFilter, _ calibration: Calibration?, _ options: SynthesisOptions
  ) -> Double? {
    if let calibration { return calibration[filter.name]?.threshold }
    return options.thresholds[filter.name] ?? filter.line.value
  }

  /// Records with the verdicts that need no other record, in their order.
  func judged(_ records: [SynthesisRecord], of slots: [Slot]) async throws -> [SynthesisRecord] {
    var records = records
    for (index, slot) in slots.enumerated() where records[index].isAccepted {
      let context = FilterContext(chunk: slot.chunk)
      for filter in hard {
        let verdict = filter.judge(records[index], in: context)
        records[index].verdicts.append(verdict)
        if !verdict.passes { break }
      }
    }
    // Measuring costs most: only what is still good is measured.
    var owners: [Int] = []
    var pairs: [QuestionPair] = []
    for index in records.indices where records[index].isAccepted {
      for pair in pipeline.questionPairs(of: records[index], at: slots[index], workshop) {
        owners.append(index)
        pairs.append(pair)
      }
    }
    guard !filters.isEmpty, !pairs.isEmpty else { return records }
    let results = try await PairMeasurer(workshop.reader, ledger: workshop.ledger)
      .measure(pairs, needs)
    // Of several pairs of a record the first that fails speaks for it, else the last.
    let texts = records
    for (position, index) in owners.enumerated() where records[index].isAccepted {
      records[index].scores = texts[index].scores
      records[index].verdicts = texts[index].verdicts
      judge(&records[index], results[position], pairs[position])
    }
    return records
  }

  /// What the filters say of what was measured.
  private func judge(
    _ record: inout SynthesisRecord, _ measurements: Measurements, _ pair: QuestionPair
  ) {
    for filter in filters {
      guard let threshold = Self.threshold(of: filter, calibration, options) else { continue }
      let value = filter.value(measurements, pair)
      if let value { record.scores[filter.name] = value }
      if calibration?[filter.name]?.isJoined ?? false { continue }
      record.verdicts.append(filter.verdict(value, threshold: threshold))
    }
    if let verdict = joined(record.scores) {
      record.scores[verdict.filter] = verdict.value
      record.verdicts.append(verdict)
    }
  }

  /// The verdict of the filters that judge as one; nil where none do.
  private func joined(_ scores: [String: Double]) -> Verdict? {
    guard let combination = calibration?.combination,
      let threshold = calibration?[Combination.name]?.threshold
    else { return nil }
    guard let value = combination.value(scores) else {
      return Verdict(Combination.name, passes: false, reason: "cannot be measured")
    }
    let passes = value >= threshold
    let weakest = filters.first { $0.name == combination.weakest(scores) }
    return Verdict(
      Combination.name, value: value, threshold: threshold, passes: passes,
      reason: passes ? "" : "\(weakest?.name ?? ""): \(weakest?.reason ?? "")")
  }

  /// The record with the verdicts that depend on what was accepted before it.
  func compared(_ record: SynthesisRecord) throws -> SynthesisRecord {
    var record = record
    guard record.isAccepted else { return record }
    let request = record.content.request
    if let match = try seen.match(request) {
      record.verdicts.append(
        Verdict(
          match.source.isEmpty ? "duplicate" : "contamination", value: match.similarity,
          threshold: options.similarity, passes: false,
          reason: match.source.isEmpty
            ? "much the same was asked before" : "much the same is asked in \(match.source)"))
      return record
    }
    if let verdict = try paraphrases?.verdict(on: record) {
      record.scores[verdict.filter] = verdict.value
      record.verdicts.append(verdict)
    }
    if record.isAccepted { try seen.insert(request, source: "") }
    return record
  }
}
