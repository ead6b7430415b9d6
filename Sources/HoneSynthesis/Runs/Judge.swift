/// Judges candidates: by their text, by likelihoods, and against what was accepted before.
final class Judge {
  private let options: SynthesisOptions
  private let calibration: Calibration?
  private let workshop: Workshop
  private let pipeline: any SynthesisPipeline
  private let hard: [any Filter]
  private let filters: [LikelihoodFilter]
  private let needs: Set<Measure>

  init(
    _ options: SynthesisOptions, calibration: Calibration?, workshop: Workshop,
    pipeline: any SynthesisPipeline, material: Material
  ) {
    self.pipeline = pipeline
    self.options = options
    self.calibration = calibration
    self.workshop = workshop
    hard = HardFilters.chosen(options.hardFilters)
    // A filter that is switched off still shows its value where another one measures it anyway.
    filters = options.likelihoodFilters.filter { calibration?[$0.name]?.isOn ?? false }
    needs = filters.reduce(into: []) { $0.formUnion($1.needs) }
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
    var measured: [Int] = []
    var pairs: [QuestionPair] = []
    for index in records.indices where records[index].isAccepted {
      guard let chunk = slots[index].chunk,
        let pair = pipeline.pair(of: records[index], at: slots[index])
      else { continue }
      measured.append(index)
      pairs.append(
        QuestionPair(
          question: pair.question, answer: pair.answer, chunk: chunk,
          neighbours: workshop.neighbours(chunk)))
    }
    guard !filters.isEmpty, !measured.isEmpty else { return records }
    let results = try await PairMeasurer(workshop.reader, ledger: workshop.ledger)
      .measure(pairs, needs)
    for (position, index) in measured.enumerated() {
      for filter in filters {
        guard let threshold = calibration?[filter.name]?.threshold else { continue }
        let value = filter.value(results[position], pairs[position])
        if let value { records[index].scores[filter.name] = value }
        records[index].verdicts.append(filter.verdict(value, threshold: threshold))
      }
    }
    return records
  }

  private var known: Set<String> = []

  /// The record with the verdicts that depend on what was accepted before it.
  func compared(_ record: SynthesisRecord) -> SynthesisRecord {
    var record = record
    guard record.isAccepted else { return record }
    let request = WordOverlap.words(of: record.content.request).joined(separator: " ")
    if !known.insert(request).inserted {
      record.verdicts.append(
        Verdict("duplicate", passes: false, reason: "the same was asked before"))
    }
    return record
  }
}
