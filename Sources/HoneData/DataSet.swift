import HoneFormats
import HoneText

/// Examples of a file as rows for training: read once for their lengths, and again when their batch
/// is made, so that memory does not grow with the texts.
public final class DataSet: Sendable {
  public let path: String
  public let statistics: DataStatistics
  /// What makes the data unfit for training; nil when it is fit.
  package let fault: DataError?
  private let reader: ExampleReader
  /// Which example each sequence belongs to, and which of its sequences it is; empty when each
  /// example is one sequence.
  private let examples: [Int32]
  private let parts: [Int32]
  /// Which sequences each row holds; nil when each holds the one of its number.
  private let packing: PackingPlan?
  /// A hash of each example's tokens, sorted.
  private let hashes: [UInt64]

  public var rowCount: Int { packing?.rowCount ?? statistics.sequences }

  /// How records are written.
  package var format: ExampleFormat { reader.format }

  /// Reads a file or folder, and checks all of it.
  ///
  /// - Throws: ``DataError`` with what is wrong: records that are of no format, nothing to train on,
  ///   no end token trained, too much cut.
  package convenience init(_ path: String, renderer: Renderer, options: DataOptions) throws {
    try self.init(RecordSources.open(path), renderer: renderer, options: options)
  }

  package convenience init(
    _ source: any RecordSource, renderer: Renderer, options: DataOptions
  ) throws {
    try self.init(inspecting: source, renderer: renderer, options: options)
    if let fault { throw fault }
  }

  /// Reads all of a source; what is wrong with its examples becomes the data set's ``fault``.
  ///
  /// - Throws: ``DataError`` when its first record is of no format.
  package init(
    inspecting source: any RecordSource, renderer: Renderer, options: DataOptions
  ) throws {
    path = source.path
    reader = try ExampleReader(source: source, renderer: renderer, options: options)
    var scan = DataScan(reader)
    fault = scan.fault(reader)
    let isPlain =
      scan.examples.count == source.count && scan.parts.allSatisfy { $0 == 0 }
    examples = isPlain ? [] : scan.examples
    parts = isPlain ? [] : scan.parts
    (scan.examples, scan.parts) = ([], [])
    packing = options.packs ? PackingPlan(scan.lengths, capacity: options.maxTokens) : nil
    scan.hashes.sort()
    hashes = scan.hashes
    var statistics = scan.statistics
    statistics.duplicates = zip(hashes, hashes.dropFirst()).count { $0 == $1 }
    statistics.rows = packing?.rowCount ?? scan.lengths.count
    statistics.capacity = options.packs ? statistics.rows * options.maxTokens : statistics.tokens
    statistics.measure(scan.lengths)
    self.statistics = statistics
  }

  // MARK: Rows

  /// A row's sequences.
  package func row(_ index: Int) throws -> PackedRow {
    guard let packing else { return PackedRow(sequences: [try sequence(index)]) }
    return PackedRow(sequences: try packing[index].map { try sequence(Int($0)) })
  }

  private func sequence(_ index: Int) throws -> TokenSequence {
    let (example, part) =
      examples.isEmpty ? (index, 0) : (Int(examples[index]), Int(parts[index]))
    let sequences = try sequences(ofExample: example)
    guard sequences.indices.contains(part) else {
      throw DataError(
        path, problem: "\(reader.source.place(example)): has changed since the data was read",
        advice: "leave the file alone while it is trained on")
    }
    return sequences[part]
  }

  // MARK: Examples

  /// How many examples there are.
  public var exampleCount: Int { reader.source.count }

  /// An example as it is read, for a person to look at.
  package func sequences(ofExample index: Int) throws -> [TokenSequence] {
    try reader.read(index).kept
  }

  /// Where an example stands: `line 7`.
  package func place(ofExample index: Int) -> String { reader.source.place(index) }

  /// An example as a question to a model; nil for plain text.
  package func question(_ index: Int) throws -> Question? {
    guard var question = try reader.renderer.question(reader.example(index)) else { return nil }
    let record = try reader.source.record(index)
    question.expects = record["expects"]?.array?.compactMap(\.string) ?? []
    question.isUnanswerable = record["fact"]?.string == "unknown"
    return question
  }

  // MARK: Comparing

  /// A number that changes when any sequence, its mask or its place does.
  public var fingerprint: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for value in hashes { hash = (hash ^ value) &* 0x100_0000_01b3 }
    for row in 0..<(packing?.rowCount ?? 0) {
      for index in packing?[row] ?? [] {
        hash = (hash ^ UInt64(UInt32(bitPattern: index))) &* 0x100_0000_01b3
      }
      hash = (hash ^ 0xff) &* 0x100_0000_01b3
    }
    return String(hash, radix: 16)
  }

  /// How many examples of this set another has too.
  public func sharedExamples(with other: DataSet) -> Int {
    hashes.countOf(sharedWith: other.hashes)
  }
}
