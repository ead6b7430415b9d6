import Foundation
import HoneAdapters
import HoneData
import HoneFormats
import HoneModels
import HoneTensors

/// What a frozen reference makes of a data set's answers: computed once, before the first step, and
/// kept on the disk.
package struct ReferenceScores: Sendable, Equatable {
  /// Four numbers a pair (chosen, rejected: shared part and tail), two an answer with a label (its
  /// own, and the other prompt's).
  private let numbers: [Double]

  init(numbers: [Double]) { self.numbers = numbers }

  func pair(_ index: Int) -> PairReference {
    let part = numbers[4 * index..<4 * index + 4]
    return PairReference(
      chosen: AnswerSums(shared: part[4 * index], tail: part[4 * index + 1]),
      rejected: AnswerSums(shared: part[4 * index + 2], tail: part[4 * index + 3]))
  }

  func answer(_ index: Int) -> AnswerReference {
    AnswerReference(own: numbers[2 * index], other: numbers[2 * index + 1])
  }

  /// The setting of objectives that have a reference.
  static let setting = Setting(
    "reference", .text, default: .string("base"), allowsNone: true,
    "What the model is measured against: base, adapter for the one that training starts from, the folder of another, or none."
  )

  // MARK: Computing

  /// Computes them.
  ///
  /// - Parameters:
  ///   - batchSize: pairs, or answers with a label, at once.
  ///   - listener: hears how many are done.
  /// - Throws: ``TrainingError`` when a score is not a number.
  package static func compute(
    _ data: PreferenceData, batchSize: Int, decoder: Decoder, adapter: any Adapter,
    engine: Engine, isInterrupted: () -> Bool = { false }, listener: (Int) -> Void = { _ in }
  ) throws -> ReferenceScores? {
    var numbers: [Double] = []
    for start in stride(from: 0, to: data.count, by: batchSize) {
      if isInterrupted() { return nil }
      let items = start..<min(start + batchSize, data.count)
      let pass = Pass(engine)
      if data.isPaired {
        let pairs = try items.map(data.pair)
        let answers = ScoredAnswers(
          pairs.flatMap { [($0.prompt, $0.chosen), ($0.prompt, $0.rejected)] },
          statistics: false, decoder: decoder, adapter: adapter, in: pass)
        for (index, pair) in pairs.enumerated() {
          let shared = min(pair.chosen.count, pair.rejected.count)
          for side in 0..<2 {
            let sums = answers[2 * index + side].sums(sharing: shared)
            numbers += [sums.shared, sums.tail]
          }
        }
      } else {
        let examples = try items.map(data.example)
        let answers = try ScoredAnswers(
          examples.flatMap {
            [($0.prompt, $0.completion), ($0.prompt, try data.mismatched(with: $0.index))]
          }, statistics: false, decoder: decoder, adapter: adapter, in: pass)
        for index in 0..<2 * examples.count {
          let sums = answers[index].sums(sharing: .max)
          numbers.append(sums.shared)
        }
      }
      guard numbers.allSatisfy(\.isFinite) else {
        throw TrainingError(
          "the reference",
          problem: "gives \(data.place(of: start)) or one soon after it no probability",
          advice: "the model or the adapter is damaged")
      }
      listener(items.upperBound)
    }
    return ReferenceScores(numbers: numbers)
  }

  // MARK: On the disk

  private static let format = "hone-reference-1"

  /// Reads what was written for the same key; nil where there is nothing.
  ///
  /// - Throws: ``HoneFormats/FormatError`` when the file is damaged or belongs to something else.
  package static func read(_ path: String, key: String, count: Int) throws -> ReferenceScores? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try SafetensorsFile(path: path)
    guard file.metadata["format"] == format, file.metadata["key"] == key,
      let tensor = file.tensor(named: "scores"), tensor.type == .f64,
      tensor.elementCount == count
    else { throw FormatError(file: path, problem: "belongs to something else") }
    guard file.metadata["sha256"] == digest(tensor.bytes) else {
      throw FormatError(file: path, problem: "is damaged: its checksum is another")
    }
    return ReferenceScores(
      numbers: (0..<count).map {
        tensor.bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self)
      })
  }

  /// Writes them; the file appears whole.
  package func write(to path: String, key: String) throws {
    try numbers.withUnsafeBytes { bytes in
      try SafetensorsWriter.write(
        to: path,
        [SafetensorsWriter.Entry(name: "scores", type: .f64, shape: [numbers.count])],
        metadata: ["format": Self.format, "key": key, "sha256": Self.digest(bytes)]
      ) { _, give in try give(bytes) }
    }
  }

  private static func digest(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finish().hexadecimal
  }
}
