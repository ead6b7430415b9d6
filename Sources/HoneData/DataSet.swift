import Dispatch
import Foundation
import HoneFormats
import HoneText
import Synchronization

/// How a data set is read.
public struct DataOptions: Sendable {
  /// The most tokens of a sequence, and of a row when packing.
  public var maxTokens = 512
  public var packs = true
  package var format: ExampleFormat?
  package var truncation = Truncation.end
  /// The share of sequences that may be cut or left out.
  public var truncationLimit = 0.1
  /// The records' own names for columns.
  public var columns: [String: String] = [:]

  public init() {}
}

/// Examples of a file as rows for training: read once for their lengths, and again when their batch
/// is made, so that memory does not grow with the texts.
public final class DataSet: Sendable {
  public let path: String
  public let statistics: DataStatistics
  private let source: any RecordSource
  private let renderer: Renderer
  private let options: DataOptions
  private let format: ExampleFormat
  /// Which example each sequence belongs to, and which of its sequences it is.
  private let examples: [Int32]
  private let parts: [Int16]
  /// Which sequences each row holds; nil when each holds the one of its number.
  private let packed: [[Int32]]?
  /// A hash of each example's tokens, sorted.
  private let hashes: [UInt64]

  public var rowCount: Int { packed?.count ?? examples.count }

  /// Reads a file or folder, and checks all of it.
  ///
  /// - Throws: ``DataError`` with what is wrong: records that are of no format, nothing to train on,
  ///   no end token trained, too much cut.
  package convenience init(_ path: String, renderer: Renderer, options: DataOptions) throws {
    try self.init(RecordSources.open(path), renderer: renderer, options: options)
  }

  package init(
    _ source: any RecordSource, renderer: Renderer, options: DataOptions
  ) throws {
    path = source.path
    self.source = source
    self.renderer = renderer
    self.options = options
    let first = try source.record(0)
    guard let format = options.format ?? .detected(in: first, mapping: options.columns) else {
      throw DataError(
        path,
        problem: "\(source.place(0)): has \(first.keys.joined(separator: ", ")), "
          + "which is no format that Hone knows",
        advice: "it knows messages, prompt and completion, instruction and output, conversations, "
          + "and text; data.columns maps other names")
    }
    self.format = format
    let scan = try Self.scan(source, renderer, options, format)
    var statistics = scan.statistics
    let lengths = scan.lengths
    examples = scan.examples
    parts = scan.parts
    hashes = scan.hashes.sorted()
    statistics.duplicates = zip(hashes, hashes.dropFirst()).count { $0 == $1 }
    packed =
      options.packs ? FirstFitDecreasing.rows(lengths, capacity: options.maxTokens) : nil
    statistics.rows = packed?.count ?? lengths.count
    statistics.capacity =
      options.packs
      ? statistics.rows * options.maxTokens : lengths.reduce(0) { $0 + Int($1) }
    let sorted = lengths.sorted()
    if let longest = sorted.last {
      statistics.shortest = Int(sorted[0])
      statistics.median = Int(sorted[sorted.count / 2])
      statistics.percentile95 = Int(sorted[min(sorted.count - 1, sorted.count * 95 / 100)])
      statistics.longest = Int(longest)
    }
    self.statistics = statistics
    try Self.check(statistics, scan, options, path)
  }

  // MARK: Rows

  /// A row's sequences.
  package func row(_ index: Int) throws -> PackedRow {
    PackedRow(sequences: try (packed?[index] ?? [Int32(index)]).map { try sequence(Int($0)) })
  }

  /// An example as it is read, for a person to look at.
  package func sequences(ofExample index: Int) throws -> [TokenSequence] {
    try Self.sequences(source, index, renderer, options, format).kept
  }

  /// How many examples of this set another has too.
  public func sharedExamples(with other: DataSet) -> Int {
    let others = Set(other.hashes)
    return hashes.count { others.contains($0) }
  }

  private func sequence(_ index: Int) throws -> TokenSequence {
    try sequences(ofExample: Int(examples[index]))[Int(parts[index])]
  }

  /// A number that changes when any sequence, its mask or its place does.
  public var fingerprint: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for value in hashes { hash = (hash ^ value) &* 0x100_0000_01b3 }
    for row in packed ?? [] {
      for index in row { hash = (hash ^ UInt64(UInt32(bitPattern: index))) &* 0x100_0000_01b3 }
      hash = (hash ^ 0xff) &* 0x100_0000_01b3
    }
    return String(hash, radix: 16)
  }

  /// How many examples there are.
  public var exampleCount: Int { source.count }

  /// An example as a question to a model; nil for plain text.
  package func question(_ index: Int) throws -> Question? {
    let record = try source.record(index)
    guard
      var question = try renderer.question(format.example(record, mapping: options.columns))
    else { return nil }
    question.expects = record["expects"]?.array?.compactMap(\.string) ?? []
    return question
  }

  // MARK: Reading

  fileprivate static func sequences(
    _ source: any RecordSource, _ index: Int, _ renderer: Renderer, _ options: DataOptions,
    _ format: ExampleFormat
  ) throws -> (kept: [TokenSequence], truncated: Int, dropped: Int, isDoubled: Bool) {
    let example = try format.example(source.record(index), mapping: options.columns)
    var result: (kept: [TokenSequence], truncated: Int, dropped: Int, isDoubled: Bool) =
      ([], 0, 0, false)
    for sequence in try renderer.sequences(example) {
      if let start = renderer.tokenizer.beginningOfText,
        sequence.ids.prefix(2).elementsEqual([start, start])
      {
        result.isDoubled = true
      }
      let pieces = options.truncation.fit(sequence, within: options.maxTokens)
      let kept = pieces.filter { $0.trainedTokenCount > 0 }
      if kept.isEmpty {
        result.dropped += 1
      } else if sequence.ids.count > options.maxTokens, options.truncation != .split {
        result.truncated += 1
      }
      result.kept += kept
    }
    return result
  }

  /// What reading everything once found.
  fileprivate struct Scan {
    var statistics = DataStatistics()
    var lengths: [Int32] = []
    var examples: [Int32] = []
    var parts: [Int16] = []
    var hashes: [UInt64] = []
    var faults: [String] = []
    var endTokens = 0
    var doubled: String?

    mutating func append(_ other: Scan) {
      statistics.sequences += other.statistics.sequences
      statistics.tokens += other.statistics.tokens
      statistics.trainedTokens += other.statistics.trainedTokens
      statistics.truncated += other.statistics.truncated
      statistics.dropped += other.statistics.dropped
      lengths += other.lengths
      examples += other.examples
      parts += other.parts
      hashes += other.hashes
      faults += other.faults
      endTokens += other.endTokens
      doubled = doubled ?? other.doubled
    }
  }

  private static func scan(
    _ source: any RecordSource, _ renderer: Renderer, _ options: DataOptions,
    _ format: ExampleFormat
  ) throws -> Scan {
    let chunk = 512
    let chunks = (source.count + chunk - 1) / chunk
    let results = Mutex([Scan?](repeating: nil, count: chunks))
    DispatchQueue.concurrentPerform(iterations: chunks) { number in
      var scan = Scan()
      for index in number * chunk..<min(source.count, (number + 1) * chunk) {
        scan.read(source, index, renderer, options, format)
        if scan.faults.count > 12 { break }
      }
      results.withLock { [scan] in $0[number] = scan }
    }
    var whole = Scan()
    for scan in results.withLock({ $0 }) { if let scan { whole.append(scan) } }
    whole.statistics.examples = source.count
    return whole
  }

  private static func check(
    _ statistics: DataStatistics, _ scan: Scan, _ options: DataOptions, _ path: String
  ) throws {
    guard scan.faults.isEmpty else {
      let shown = Array(scan.faults.prefix(10))
      let more = scan.faults.count - shown.count
      throw DataError(path, faults: shown + (more > 0 ? ["and more of the kind"] : []))
    }
    if let place = scan.doubled {
      throw DataError(
        path, problem: "\(place): the text begins with two beginning-of-text tokens",
        advice: "the examples bring one already that the template or tokenizer adds: remove it")
    }
    let lost = statistics.truncated + statistics.dropped
    let all = statistics.sequences + statistics.dropped
    guard statistics.trainedTokens > 0 else {
      throw DataError(
        path, problem: "has nothing to train on: no assistant's turn or completion is left",
        advice: lost > 0 ? "raise data.max_tokens (it is \(options.maxTokens))" : "")
    }
    guard Double(lost) <= options.truncationLimit * Double(all) else {
      throw DataError(
        path,
        problem: "\(lost) of \(all) sequences are longer than \(options.maxTokens) tokens",
        advice: "raise data.max_tokens, choose another data.truncation, or accept it with "
          + "data.max_truncated")
    }
    guard scan.endTokens > 0 else {
      throw DataError(
        path, problem: "no trained text ends with an end token, so the model would never stop",
        advice: "check the chat template, or whether all ends were cut off")
    }
  }
}

extension DataSet.Scan {
  /// Reads one example.
  fileprivate mutating func read(
    _ source: any RecordSource, _ index: Int, _ renderer: Renderer, _ options: DataOptions,
    _ format: ExampleFormat
  ) {
    do {
      let found = try DataSet.sequences(source, index, renderer, options, format)
      statistics.truncated += found.truncated
      statistics.dropped += found.dropped
      if found.isDoubled { doubled = source.place(index) }
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for (part, sequence) in found.kept.enumerated() {
        lengths.append(Int32(sequence.ids.count))
        examples.append(Int32(index))
        parts.append(Int16(clamping: part))
        statistics.sequences += 1
        statistics.tokens += sequence.ids.count
        statistics.trainedTokens += sequence.trainedTokenCount
        for (id, trained) in zip(sequence.ids, sequence.trained) {
          hash = (hash ^ UInt64(UInt32(bitPattern: id))) &* 0x100_0000_01b3
          if trained, renderer.tokenizer.endOfGeneration.contains(id) { endTokens += 1 }
        }
      }
      hashes.append(hash)
    } catch let fault as ExampleFormat.Fault {
      faults.append("\(source.place(index)): \(fault.sentence)")
    } catch let error as TextError {
      faults.append("\(source.place(index)): \(error)")
    } catch {
      faults.append("\(error)")
    }
  }
}
