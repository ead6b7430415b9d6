import HoneText

/// What reading all preferences once finds: counts, lengths, hashes, faults.
struct PreferenceScan: Sendable {
  var statistics = PreferenceStatistics()
  var lengths: [Int32] = []
  /// Which record each pair or answer belongs to, and which of its items it is.
  var records: [Int32] = []
  var parts: [Int32] = []
  var desirable: [Bool] = []
  /// Hashes of prompts as they were before they were cut, and of whole items.
  var prompts: [UInt64] = []
  var hashes: [UInt64] = []
  /// Hashes of what would say the contrary of each item.
  var contraries: [UInt64] = []
  var faults: [String] = []
  /// Where a text begins with two beginning-of-text tokens.
  var doubled: String?

  /// More faults than a person reads at once.
  private static let faultLimit = 12

  /// Reads all records, on as many threads as there are cores.
  init(_ reader: PreferenceReader) {
    self.init()
    reader.source.scan { range in
      var scan = PreferenceScan()
      for index in range {
        scan.read(index, reader)
        if scan.faults.count > Self.faultLimit { break }
      }
      return scan
    } then: {
      append($0)
    }
    statistics.isPaired = reader.isPaired
    statistics.records = reader.source.count
    statistics.measure(lengths)
  }

  private init() {}

  private mutating func append(_ other: PreferenceScan) {
    statistics.add(other.statistics)
    lengths += other.lengths
    records += other.records
    parts += other.parts
    desirable += other.desirable
    prompts += other.prompts
    hashes += other.hashes
    contraries += other.contraries
    faults += other.faults
    doubled = doubled ?? other.doubled
  }

  private mutating func read(_ index: Int, _ reader: PreferenceReader) {
    do {
      for (part, item) in try reader.items(index).enumerated() {
        if item.isDoubled, doubled == nil { doubled = reader.source.place(index) }
        statistics.count(item, of: index)
        guard item.skip == nil else { continue }
        lengths.append(Int32(item.prompt.count + (item.sides.map(\.ids.count).max() ?? 0)))
        records.append(Int32(index))
        parts.append(Int32(part))
        desirable.append(item.isDesirable ?? true)
        prompts.append(item.promptHash)
        let label: UInt64 = item.isDesirable == false ? 2 : 1
        let sides = item.sides.map { $0.ids.reduce(into: UInt64.start) { $0.mix($1) } }
        func hash(_ sides: [UInt64], _ label: UInt64) -> UInt64 {
          var hash = item.promptHash
          for id in item.isPromptCut ? item.prompt : [] { hash.mix(id) }
          for side in sides { hash.mix(side) }
          hash.mix(label)
          return hash
        }
        hashes.append(hash(sides, label))
        contraries.append(hash(sides.reversed(), sides.count == 2 ? label : 3 - label))
      }
    } catch {
      faults.append(reader.source.sentence(about: error, in: index))
    }
  }

  // MARK: Checks

  /// What makes the data unfit for training; nil when it is fit.
  func fault(_ reader: PreferenceReader) -> DataError? {
    let (path, limit) = (reader.source.path, reader.options.truncationLimit)
    guard faults.isEmpty else {
      let shown = Array(faults.prefix(10))
      return DataError(
        path, faults: shown + (faults.count > shown.count ? ["and more of the kind"] : []))
    }
    if let doubled {
      return DataError(
        path, problem: "\(doubled): the text begins with two beginning-of-text tokens",
        advice: "the prompt brings one already that the template or tokenizer adds: remove it")
    }
    let all = statistics.items + statistics.skipped
    let what = reader.isPaired ? "pairs" : "answers"
    let told = statistics.skipSentences(placedBy: reader.source.place)
    let unfit = statistics.skips.filter { !$0.key.isForLength }.reduce(0) { $0 + $1.value.count }
    guard Double(unfit) <= limit * Double(all) else {
      return DataError(
        path, faults: ["\(unfit) of \(all) \(what) cannot be learned from"] + told,
        advice: "mend or remove them, or accept it with data.max_truncated")
    }
    let tooLong =
      statistics.cut + statistics.skipped - unfit
    guard Double(tooLong) <= limit * Double(all), statistics.items > 0 else {
      return DataError(
        path,
        faults: [
          "\(tooLong) of \(all) \(what) are longer than \(reader.options.maxTokens) tokens"
            + (statistics.items > 0 ? "" : ", and nothing to learn from is left")
        ] + told,
        advice: "raise data.max_tokens, choose another data.truncation, or accept it with "
          + "data.max_truncated")
    }
    guard statistics.endTokens > 0 else {
      return DataError(
        path, problem: "no answer has an end token, so the model would not learn where to stop",
        advice: "check the chat template, or whether all ends were cut off")
    }
    return nil
  }
}
