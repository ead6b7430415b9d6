import Foundation

/// Finds requests that ask in other words what one before them asks: by the cosine of their
/// embeddings, from which the mean of the controls' is taken.
///
/// The line is found on requests that are known to differ, by how far each is from the nearest other
/// one: that is what it must not reject. Each of them reworded shows whether a paraphrase is nearer.
package final class Paraphrases {
  /// The name under which they judge.
  static let name = "paraphrase"
  /// The comparison as a step of a pipeline.
  package static let step = Step(
    "paraphrases", [.passage, .question], [], "compares what is asked by its meaning")

  /// What the controls say, by distances (1 less the cosine): of different requests, which are to
  /// pass, and of reworded ones, which are not.
  let finding: Calibration.Finding
  private let embedder: any Embedder
  private let ledger: CallLedger
  /// What all requests have in common.
  private let centre: [Float]
  /// The records that passed, and where their requests point: some kilobytes each.
  private let known: TemporaryDatabase

  /// Finds the line.
  ///
  /// - Parameters:
  ///   - controls: requests that ask for different things.
  ///   - cost: the share of them that may be rejected.
  init(controls: [String], cost: Double, embedder: any Embedder, ledger: CallLedger) throws {
    let embeddings = try controls.map { try ledger.embedding(by: embedder, of: $0) }
    let reworded = try controls.compactMap(Self.reworded)
      .map { try ledger.embedding(by: embedder, of: $0) }
    let centre = Self.mean(of: embeddings)
    let all = embeddings.map { Self.direction(of: $0, from: centre) }
    let trues = all.indices.compactMap { place in
      Self.nearest(to: all[place], among: all[..<place] + all[(place + 1)...])
    }
    let falses = reworded.compactMap {
      Self.nearest(to: Self.direction(of: $0, from: centre), among: all[...])
    }
    let tells =
      min(trues.count, falses.count) >= Calibration.fewestControls
      && Calibration.auc(trues, falses) >= Calibration.leastAUC
    finding = Calibration.Finding(
      Self.name, trues: trues, falses: falses, kinds: [],
      threshold: tells ? trues.sorted()[Int(cost * Double(trues.count))] : nil)
    known = try TemporaryDatabase("CREATE TABLE known (record TEXT, direction BLOB)")
    self.embedder = embedder
    self.ledger = ledger
    self.centre = centre
  }

  /// Judges a record by those that passed before it, and remembers it where it passes.
  ///
  /// - Returns: nil where the controls say that paraphrases cannot be told here.
  func verdict(on record: SynthesisRecord) throws -> Verdict? {
    guard let line = finding.threshold else { return nil }
    let embedding = try ledger.embedding(by: embedder, of: Self.question(of: record.content))
    let direction = Self.direction(of: embedding, from: centre)
    var nearest: (record: String, distance: Double)?
    try known.rows("SELECT direction, record FROM known ORDER BY rowid") { row in
      let distance = row.bytes(0).withMemoryRebound(to: Float.self) {
        Self.distance(direction, $0)
      }
      if distance < nearest?.distance ?? .infinity { nearest = (row.text(1), distance) }
    }
    if let nearest, nearest.distance < line {
      let cosine = String(format: "%.2f", 1 - nearest.distance)
      return Verdict(
        Self.name, value: nearest.distance, threshold: line, passes: false,
        reason: "asks in other words what \(nearest.record) asks (cosine \(cosine))")
    }
    try known.rows(
      "INSERT INTO known VALUES (?, ?)",
      [.text(record.id), .blob(direction.withUnsafeBytes { [UInt8]($0) })])
    return Verdict(Self.name, value: nearest?.distance, threshold: line, passes: true)
  }

  /// What is compared: of a conversation the question that opens it, as controls are single ones.
  private static func question(of content: SynthesisRecord.Content) -> String {
    guard case .conversation(let turns) = content else { return content.request }
    return turns.first { $0.role == .user }?.content ?? content.request
  }

  /// A request with its second half first and without short words, where it has others: it asks the
  /// same, and shares few runs of words. Nil where nothing changes.
  static func reworded(_ request: String) -> String? {
    let words = request.split(whereSeparator: \.isWhitespace)
    let long = words.filter { $0.count > 3 }
    let kept = long.count > 1 ? long : words
    let middle = kept.count / 2
    let text = (kept[middle...] + kept[..<middle]).joined(separator: " ")
    return text == request ? nil : text
  }

  // MARK: Directions

  private static func mean(of embeddings: [[Float]]) -> [Float] {
    (embeddings.first ?? []).indices.map { place in
      Float(embeddings.reduce(0.0) { $0 + Double($1[place]) } / Double(embeddings.count))
    }
  }

  /// An embedding without what all have in common, of length 1.
  private static func direction(of embedding: [Float], from centre: [Float]) -> [Float] {
    let own = zip(embedding, centre).map { $0 - $1 }
    let length = own.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return length > 0 ? own.map { Float(Double($0) / length) } : own
  }

  /// How far the nearest direction is; nil where there is none.
  private static func nearest(to direction: [Float], among others: ArraySlice<[Float]>) -> Double? {
    others.map { distance(direction, $0) }.min()
  }

  private static func distance(
    _ first: [Float], _ second: some RandomAccessCollection<Float>
  ) -> Double {
    1 - zip(first, second).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
  }
}
