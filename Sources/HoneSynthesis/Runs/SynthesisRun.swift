import Foundation
import HoneFormats

/// A run of synthesis: documents in, records worth training on out.
///
/// Candidates are made in one fixed order and judged in it, and what was asked of a model is kept in
/// the folder's store: a run that is killed and started again repeats nothing, and ends in the same
/// bytes whatever the number of threads and however many candidates are made at once.
package final class SynthesisRun {
  /// What came of a run.
  package struct Result {
    package var funnel: Funnel
    package var calibration: Calibration?
    package var isInterrupted: Bool
    package var seconds: Double
    package var calls: (answers: CallLedger.Count, scores: CallLedger.Count)
    package var passages: [Chunk]
  }

  package let options: SynthesisOptions
  package let folder: SynthesisFolder
  let kind: any SynthesisPipeline.Type
  let pipeline: any SynthesisPipeline
  let teacher: any Teacher
  let reader: LocalTeacher
  let personalData: PersonalData?
  private let hardFilters: [any Filter]
  /// How many candidates are made at once; changes nothing but the time it takes.
  private let batchSize: Int
  private let clock = ContinuousClock()

  /// - Parameters:
  ///   - reader: the local model that measures, and whose tokens passages are counted in.
  /// - Throws: ``SynthesisError`` for a pipeline whose steps do not fit together, a list of words that cannot be read,
  ///   or pseudonyms without a key.
  package init(
    _ options: SynthesisOptions, teacher: any Teacher, reader: LocalTeacher, batchSize: Int = 32
  ) throws {
    guard let kind = SynthesisPipelines.named(options.pipeline) else {
      throw SynthesisError("pipeline", problem: "is no pipeline: \(options.pipeline)")
    }
    self.options = options
    self.kind = kind
    pipeline = try kind.init(options)
    self.teacher = teacher
    self.reader = reader
    self.batchSize = batchSize
    personalData = try PersonalData(options)
    hardFilters = try HardFilters.chosen(
      options.hardFilters, personalData: options.personalData, toxicWords: options.toxicWords)
    folder = SynthesisFolder(options.output)
    let faults = Step.faults(
      in: kind.steps + options.likelihoodFilters.map(\.step)
        + (options.paraphraseCost == nil ? [] : [Paraphrases.step]))
    guard faults.isEmpty else {
      throw SynthesisError(options.pipeline, problem: faults.joined(separator: "; "))
    }
  }

  // MARK: The way

  /// Makes, judges and writes candidates until enough are accepted.
  ///
  /// - Parameters:
  ///   - restarts: whether a run of other settings in the folder may be replaced.
  ///   - willStart: is called once the folder is known to be this run's.
  ///   - isInterrupted: asked between batches; true ends the run, which can be gone on with.
  ///   - listener: hears what happens.
  /// - Throws: ``SynthesisError`` when nothing is accepted, with the reason of each filter.
  package func run(
    restarts: Bool = false, willStart: () throws -> Void = {},
    isInterrupted: () -> Bool = { false }, listener: (SynthesisEvent) -> Void = { _ in }
  ) async throws -> Result {
    let material = try await material()
    try folder.prepare(manifest(material), restarts: restarts)
    try willStart()
    let log = try LineFile(folder.events, appends: true)
    func tell(_ event: SynthesisEvent) throws {
      try log.append(event.json)
      listener(event)
    }
    try tell(
      .ingested(
        passages: material.chunks.count, heldOut: material.heldOut.count, notes: material.notes))
    if let event = sending(material) { try tell(event) }
    let ledger = CallLedger(try CallStore(path: folder.calls))
    let workshop = self.workshop(material, ledger)
    var funnel = Funnel(options.samplers)
    var result = Result(
      funnel: funnel, calibration: nil, isInterrupted: false, seconds: 0,
      calls: (ledger.answers, ledger.scores), passages: material.own(kind))
    let start = clock.now
    var seconds: Double { Self.seconds(clock.now - start) }
    do {
      let slots = slots(of: material)
      let (calibration, paraphrases) = try await calibrate(workshop, material) { try tell($0) }
      result.calibration = calibration
      let accepted = try LineFile(folder.accepted)
      let rejected = try LineFile(folder.rejected)
      defer {
        accepted.synchronise()
        rejected.synchronise()
      }
      let judge = try Judge(
        options, hard: hardFilters, calibration: calibration, workshop: workshop,
        pipeline: pipeline, paraphrases: paraphrases)
      let begin = clock.now
      var quota = Quota(options, passages: material.own(kind).count)
      var waiting = slots
      var isOver = false
      while !isOver, !isInterrupted() {
        var batch: [Slot] = []
        while batch.count < batchSize, let slot = waiting.next() {
          // What is full already will not be asked for; the same is asked again below, in order.
          if quota.hasRoom(slot.chunk) { batch.append(slot) }
        }
        guard !batch.isEmpty else { break }
        let records = try await judge.judged(pipeline.make(batch, workshop), of: batch)
        for (slot, record) in zip(batch, records) {
          if funnel.accepted >= options.accepted || funnel.candidates >= options.budget {
            isOver = true
            break
          }
          guard quota.hasRoom(slot.chunk) else { continue }
          let final = try judge.compared(record)
          funnel.count(final)
          if final.isAccepted {
            quota.take(slot.chunk)
            try accepted.append(final.json)
          } else {
            try rejected.append(final.json)
          }
        }
        isOver =
          isOver || funnel.accepted >= options.accepted
          || funnel.candidates >= options.budget
        try tell(
          .progress(
            .init(
              candidates: funnel.candidates, accepted: funnel.accepted, wanted: options.accepted,
              budget: options.budget, seconds: Self.seconds(clock.now - begin))))
      }
      result.isInterrupted = !isOver && isInterrupted()
    } catch is CancellationError {
      result.isInterrupted = true
    }
    result.funnel = funnel
    result.seconds = seconds
    result.calls = (ledger.answers, ledger.scores)
    guard !result.isInterrupted else { return result }
    let report = try await SynthesisReport(
      options, folder: folder, result: result, chunks: material.chunks + material.heldOut,
      teacher: teacher.identity.name, isReproducible: teacher.isReproducible,
      reader: reader.identity.name)
    try AtomicFile.write(Array(report.html.utf8), to: folder.report)
    try AtomicFile.write(Array(report.card.utf8), to: folder.card)
    try tell(.ended(funnel, seconds: seconds))
    return result
  }

  /// Makes sure that a run gave what was wanted of it.
  ///
  /// - Throws: ``SynthesisError`` when nothing was accepted, or too little where that is a failure.
  package func check(_ result: Result) throws {
    let funnel = result.funnel
    if funnel.accepted == 0 {
      throw SynthesisError(
        options.pipeline,
        problem: funnel.candidates == 0
          ? "found nothing in the documents to make candidates of"
          : "accepted none of \(funnel.candidates) candidates:\(funnel.explanation)\n",
        advice: funnel.candidates == 0
          ? "they may be too short: a passage must have statements of some length"
          : "see \(folder.rejected); a larger teacher"
            + (kind.readsPassages ? ", or filters.false_accept_rate, may help" : " may help"))
    }
    if options.exhaustion == .fail, funnel.accepted < options.accepted {
      throw SynthesisError(
        options.pipeline,
        problem: "accepted \(funnel.accepted) of \(options.accepted) wanted, and "
          + (funnel.candidates >= options.budget
            ? "the budget of \(options.budget) candidates is used"
            : "there is nothing left to make candidates of") + ":\(funnel.explanation)\n",
        advice: "raise target.budget\(kind.readsPassages ? " or target.per_chunk" : ""), or set "
          + "target.on_exhausted to partial")
    }
  }

  static func seconds(_ time: Duration) -> Double {
    Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
  }

  // MARK: Beforehand

  /// What candidates are made with.
  ///
  /// - Parameter teacher: who is asked instead of the run's own.
  func workshop(
    _ material: Material, _ ledger: CallLedger, teacher: (any Teacher)? = nil
  ) -> Workshop {
    Workshop(
      teacher: teacher ?? self.teacher, reader: reader, ledger: ledger, options: options,
      examples: material.examples,
      neighbours: { material.neighbours(of: $0, count: self.options.neighbourCount) })
  }

  /// All places where candidates can be made.
  func slots(of material: Material) -> SlotSequence {
    guard kind.readsPassages else { return SlotSequence() }
    return SlotSequence(
      chunks: material.own(kind), perVisit: kind.perVisit, statements: pipeline.statements)
  }

  /// What will go to the teacher's endpoint; nil for a model of this machine.
  func sending(_ material: Material) -> SynthesisEvent? {
    guard let endpoint = options.endpoint else { return nil }
    let passages = material.own(kind)
    let tokens = passages.reduce(0) { $0 + $1.tokenCount }
    let mean = passages.isEmpty ? 0 : tokens / passages.count
    let prompt =
      options.prompting == .completion ? reader.tokenCount(of: pipeline.examples) : 64
    let calls =
      options.budget * kind.callCount
      + (options.likelihoodFilters.isEmpty ? 0 : options.controlCount)
      + (options.paraphraseCost == nil ? 0 : options.controlCount)
    return .sending(
      host: endpoint.host, passages: passages.count, tokens: tokens, calls: calls,
      callTokens: calls * (mean + prompt))
  }

  /// What a run must be made from to be gone on with.
  private func manifest(_ material: Material) -> [(name: String, value: String)] {
    func digest(_ path: String) -> String? {
      FileManager.default.contents(atPath: path).map { Digest.of(Array($0)) }
    }
    let words = options.toxicWords.compactMap(digest).joined(separator: " ")
    return [
      ("settings", options.digestText), ("documents", material.digest),
      ("teacher", "\(teacher.identity.name) \(teacher.identity.checksum)"),
      ("reader", "\(reader.identity.name) \(reader.identity.checksum)"),
    ] + (options.schema.flatMap(digest).map { [("schema", $0)] } ?? [])
      + (words.isEmpty ? [] : [("toxic words", words)])
  }

  /// Makes controls of the documents, and finds each filter's line on them.
  private func calibrate(
    _ workshop: Workshop, _ material: Material, tell: (SynthesisEvent) throws -> Void
  ) async throws -> (Calibration?, Paraphrases?) {
    let asked = paraphraseSlots(material)
    let isMeasured = !options.likelihoodFilters.isEmpty
    guard kind.readsPassages, isMeasured || !asked.isEmpty else { return (nil, nil) }
    // Of every statement, whatever the pipeline makes of them.
    let slots = SlotSequence(
      chunks: material.own(kind), perVisit: Self.controlsPerPassage,
      statements: { StatementSelection.statements(of: $0) })
    let chosen =
      isMeasured
      ? Self.spread(slots, over: material.own(kind).count, count: options.controlCount) : []
    try tell(.calibrating(controls: chosen.count + asked.count))
    let records = try await pipeline.controls(chosen, workshop)
    let pairs = zip(chosen, records).flatMap { slot, record in
      record.isAccepted ? pipeline.questionPairs(of: record, at: slot, workshop) : []
    }
    var statements: [String: [String]] = [:]
    for chunk in material.own(kind) {
      statements[chunk.id] = StatementSelection.statements(of: chunk).map(\.text)
    }
    let controls = Control.all(from: pairs, statements: statements, seed: options.seed)
    let needs = options.likelihoodFilters.reduce(into: Set<Measure>()) { $0.formUnion($1.needs) }
    let measured = try await PairMeasurer(reader, ledger: workshop.ledger)
      .measure(controls.map(\.pair), needs)
    var calibration = Calibration(
      options.likelihoodFilters, controls: controls, measured: measured,
      falseAcceptRate: options.falseAcceptRate, thresholds: options.thresholds)
    let paraphrases = try await paraphrases(at: asked, workshop)
    if let paraphrases { calibration.findings.append(paraphrases.finding) }
    let text = calibration.json.text(.indented(by: 2)) + "\n"
    try AtomicFile.write(Array(text.utf8), to: folder.calibration)
    try tell(.calibrated(calibration))
    return (calibration, paraphrases)
  }

  /// The most controls of a passage.
  private static let controlsPerPassage = 8

  /// Slots of as many passages as possible: the first of each, then the second.
  private static func spread(_ slots: SlotSequence, over passages: Int, count: Int) -> [Slot] {
    var byPassage: [String: Int] = [:]
    var ranked: [(rank: Int, slot: Slot)] = []
    // One visit of each passage has all that is needed.
    for slot in slots.prefix(passages * controlsPerPassage) {
      let rank = byPassage[slot.chunk?.id ?? "", default: 0]
      byPassage[slot.chunk?.id ?? ""] = rank + 1
      ranked.append((rank, slot))
    }
    let ordered = ranked.sorted { ($0.rank, $0.slot.index) < ($1.rank, $1.slot.index) }.map(\.slot)
    guard ordered.count > count else { return ordered }
    // Evenly over the documents where there are more passages than controls.
    guard passages > count else { return Array(ordered.prefix(count)) }
    return (0..<count).map { ordered[$0 * passages / count] }
  }
}
