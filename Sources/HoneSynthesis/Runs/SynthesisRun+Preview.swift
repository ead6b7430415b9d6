import Foundation
import HoneFormats

extension SynthesisRun {
  /// What a run would do: what the teacher reads, what it makes of a few places, and how long all
  /// takes.
  package struct Preview: Sendable {
    package var prompt: String
    package var samples: [SynthesisRecord]
    package var forecast: String
  }

  /// Makes a few candidates and writes nothing.
  ///
  /// - Parameter listener: hears what will go to an endpoint, before anything does.
  package func preview(
    listener: (SynthesisEvent) -> Void = { _ in }
  ) async throws -> Preview {
    let material = try await material()
    if let event = sending(material) { listener(event) }
    // Nothing is left behind: what is asked here is asked again by the run.
    let store = NSTemporaryDirectory() + "hone-preview-\(UUID().uuidString).sqlite"
    defer {
      for suffix in ["", "-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: store + suffix)
      }
    }
    let recorder = PromptRecorder(teacher)
    let workshop = workshop(
      material, CallLedger(try CallStore(path: store)), teacher: recorder)
    let clock = ContinuousClock()
    var samples: [SynthesisRecord] = []
    var slots: [Slot] = []
    let makeTime = try await clock.measure {
      slots = Array(self.slots(of: material).prefix(8))
      samples = try await pipeline.make(slots, workshop)
    }
    guard !slots.isEmpty else {
      throw SynthesisError(
        options.pipeline, problem: "found nothing in the documents to make candidates of")
    }
    let needs = options.likelihoodFilters.reduce(into: Set<Measure>()) { $0.formUnion($1.needs) }
    // As in a run, where only whole candidates are measured when nothing is read.
    let pairs = zip(slots, samples).flatMap { slot, record in
      slot.chunk != nil || record.isAccepted
        ? pipeline.questionPairs(of: record, at: slot, workshop) : []
    }
    let judgeTime = try await clock.measure {
      _ = try await PairMeasurer(reader, ledger: workshop.ledger).measure(pairs, needs)
    }
    let made = Self.seconds(makeTime) / Double(slots.count)
    let judged = Self.seconds(judgeTime) / Double(slots.count)
    func minutes(_ count: Int) -> String {
      let seconds = Double(count) * (made + judged)
      return seconds < 90
        ? "\(Int(seconds.rounded(.up))) s" : "\(Int((seconds / 60).rounded(.up))) min"
    }
    let likely = min(options.budget, options.accepted * 3)
    let reads = kind.readsPassages ? "\(material.own(kind).count) passages; " : ""
    return Preview(
      prompt: recorder.first ?? "", samples: Array(samples.prefix(3)),
      forecast: """
        \(reads)\(Self.shown(made)) s to make a candidate and \
        \(Self.shown(judged)) s to judge it.
        \(options.accepted) accepted take about \(minutes(likely)) if one in three is, and the whole \
        budget of \(options.budget) candidates \(minutes(options.budget)).
        """)
  }

  private static func shown(_ seconds: Double) -> String { String(format: "%.2f", seconds) }
}

/// A teacher that remembers the first thing it was asked.
private final class PromptRecorder: Teacher {
  private let teacher: any Teacher
  private(set) var first: String?

  init(_ teacher: any Teacher) { self.teacher = teacher }

  var identity: Provenance.Teacher { teacher.identity }
  var contextLength: Int? { teacher.contextLength }
  var isReproducible: Bool { teacher.isReproducible }

  func key(of call: TeacherCall) throws -> CallKey { try teacher.key(of: call) }

  func answer(
    _ calls: [TeacherCall], answered: ([(index: Int, answer: TeacherAnswer)]) throws -> Void
  ) async throws {
    if first == nil { first = calls.first?.text }
    try await teacher.answer(calls, answered: answered)
  }
}
