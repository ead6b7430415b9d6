import HoneText

/// What reading every example once finds: counts, lengths, faults.
struct DataScan {
  var statistics = DataStatistics()
  var lengths: [Int32] = []
  /// Which example each sequence belongs to, and which of its sequences it is.
  var examples: [Int32] = []
  var parts: [Int32] = []
  /// A hash of each example's tokens.
  var hashes: [UInt64] = []
  var faults: [String] = []
  /// Where a text begins with two beginning-of-text tokens.
  var doubled: String?

  /// More faults than a person reads at once.
  private static let faultLimit = 12

  /// Reads all examples, on as many threads as there are cores.
  init(_ reader: ExampleReader) {
    self.init()
    reader.source.scan { range in
      var scan = DataScan()
      for index in range {
        scan.read(index, reader)
        if scan.faults.count > Self.faultLimit { break }
      }
      return scan
    } then: {
      append($0)
    }
    statistics.examples = reader.source.count
  }

  private init() {}

  private mutating func append(_ other: DataScan) {
    statistics.add(other.statistics)
    lengths += other.lengths
    examples += other.examples
    parts += other.parts
    hashes += other.hashes
    faults += other.faults
    doubled = doubled ?? other.doubled
  }

  private mutating func read(_ index: Int, _ reader: ExampleReader) {
    let source = reader.source
    do {
      let found = try reader.read(index)
      statistics.truncated += found.truncated
      statistics.dropped += found.dropped
      statistics.untrained += found.untrained
      statistics.lostTokens += found.lostTokens
      if found.isDoubled, doubled == nil { doubled = source.place(index) }
      guard !found.kept.isEmpty else { return }
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for (part, sequence) in found.kept.enumerated() {
        lengths.append(Int32(sequence.ids.count))
        examples.append(Int32(index))
        parts.append(Int32(part))
        statistics.sequences += 1
        statistics.tokens += sequence.ids.count
        statistics.trainedTokens += sequence.trainedTokenCount
        for (id, trained) in zip(sequence.ids, sequence.trained) {
          let value = UInt64(UInt32(bitPattern: id)) << 1 | (trained ? 1 : 0)
          hash = (hash ^ value) &* 0x100_0000_01b3
          if trained, reader.renderer.tokenizer.endOfGeneration.contains(id) {
            statistics.endTokens += 1
          }
        }
      }
      hashes.append(hash)
    } catch {
      faults.append(source.sentence(about: error, in: index))
    }
  }

  // MARK: Checks

  /// What makes the data unfit for training; nil when it is fit.
  func fault(_ reader: ExampleReader) -> DataError? {
    let (path, options) = (reader.source.path, reader.options)
    guard faults.isEmpty else {
      let shown = Array(faults.prefix(10))
      return DataError(
        path, faults: shown + (faults.count > shown.count ? ["and more of the kind"] : []))
    }
    if let place = doubled {
      return DataError(
        path, problem: "\(place): the text begins with two beginning-of-text tokens",
        advice: "the examples bring one already that the template or tokenizer adds: remove it")
    }
    let lost = statistics.truncated + statistics.dropped
    let all = statistics.sequences + statistics.dropped
    guard statistics.trainedTokens > 0 || lost > 0 else {
      return DataError(
        path, problem: "has nothing to train on: no example has an assistant's turn or completion",
        advice: "roles are system, user, assistant and tool; data.train_on: all trains everything")
    }
    guard Double(lost) <= options.truncationLimit * Double(all), statistics.trainedTokens > 0
    else {
      return DataError(
        path,
        problem: "\(lost) of \(all) sequences are longer than \(options.maxTokens) tokens"
          + (statistics.trainedTokens > 0 ? "" : ", and nothing to train on is left"),
        advice: "raise data.max_tokens, choose another data.truncation"
          + (reader.format == .text ? " (split suits plain text)" : "")
          + ", or accept it with data.max_truncated")
    }
    guard statistics.endTokens > 0 else {
      return DataError(
        path, problem: "no trained text ends with an end token, so the model would never stop",
        advice: "check the chat template, or whether all ends were cut off")
    }
    return nil
  }
}

/// Reads one example at a time into sequences that fit a row.
struct ExampleReader: Sendable {
  let source: any RecordSource
  let renderer: Renderer
  let options: DataOptions
  let format: ExampleFormat

  /// - Throws: ``DataError`` when the first record is of no format.
  init(source: any RecordSource, renderer: Renderer, options: DataOptions) throws {
    self.source = source
    self.renderer = renderer
    self.options = options
    do {
      format = try .resolved(options.format, for: source.record(0), mapping: options.columns)
    } catch let fault as ExampleFault {
      throw DataError(source.path, problem: "\(source.place(0)): \(fault.sentence)")
    }
  }

  /// An example's sequences, and what did not become one.
  struct Reading {
    var kept: [TokenSequence] = []
    var truncated = 0
    var dropped = 0
    var untrained = 0
    var lostTokens = 0
    var isDoubled = false
  }

  func example(_ index: Int) throws -> Example {
    try format.example(
      source.record(index), mapping: options.columns, edges: source.edges(index))
  }

  func read(_ index: Int) throws -> Reading {
    var reading = Reading()
    let start = renderer.tokenizer.beginningOfText
    let truncation = options.truncation.resolved(for: format)
    for sequence in try renderer.sequences(example(index)) {
      if let start, sequence.ids.prefix(2).elementsEqual([start, start]) {
        reading.isDoubled = true
      }
      let all = sequence.trainedTokenCount
      guard all > 0 else {
        reading.untrained += 1
        continue
      }
      let pieces = truncation.fit(sequence, within: options.maxTokens, keeping: start)
      let kept = pieces.filter { $0.trainedTokenCount > 0 }
      if kept.isEmpty {
        reading.dropped += 1
      } else if sequence.ids.count > options.maxTokens, truncation != .split {
        reading.truncated += 1
      }
      if truncation != .split {
        reading.lostTokens += all - kept.reduce(0) { $0 + $1.trainedTokenCount }
      }
      reading.kept += kept
    }
    return reading
  }
}
