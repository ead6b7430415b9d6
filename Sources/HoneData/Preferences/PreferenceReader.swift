import HoneFormats
import HoneText

/// A pair, or an answer with a label, in tokens that fit; or why it is left out.
struct PreferenceItem {
  /// What a person reads of the prompt: its last message, or its text.
  var question = ""
  var prompt: [Int32] = []
  /// The chosen and the rejected answer; or the one that there is.
  var sides: [Side] = []
  /// What the label says of a lone answer; nil for a pair.
  var isDesirable: Bool?
  var skip: PreferenceSkip?
  /// A hash of the prompt as it was before it was cut.
  var promptHash: UInt64 = 0
  var losesPromptEnd = false
  var isPromptCut = false
  var isDoubled = false

  struct Side {
    var ids: [Int32]
    /// Its tokens before it was cut.
    var fullCount: Int
    var isCut = false
    /// Whether it has its end token, and whether it lost it when it was cut.
    var ends = false
    var losesEnd = false
  }

  var isCut: Bool { isPromptCut || sides.contains(where: \.isCut) }
}

/// Reads one record at a time into pairs, or answers with labels, that fit.
struct PreferenceReader: Sendable {
  let source: any RecordSource
  let renderer: Renderer
  let options: PreferenceOptions
  let format: PreferenceFormat

  /// - Throws: ``DataError`` when the first record is of no format, or the options make no sense.
  init(source: any RecordSource, renderer: Renderer, options: PreferenceOptions) throws {
    self.source = source
    self.renderer = renderer
    self.options = options
    guard options.truncation != .split else {
      throw DataError(
        source.path, problem: "preferences cannot be split: an answer is judged as a whole",
        advice: "data.truncation is auto, end, start or drop for them")
    }
    do {
      format = try .resolved(options.format, for: source.record(0), mapping: options.columns)
    } catch let fault as ExampleFault {
      throw DataError(source.path, problem: "\(source.place(0)): \(fault.sentence)")
    }
  }

  /// Whether there are pairs, not answers with labels.
  var isPaired: Bool { format.isPaired && !options.unpairs }

  /// A record's pairs or answers, those that are left out too.
  func items(_ index: Int) throws -> [PreferenceItem] {
    try format.comparisons(source.record(index), mapping: options.columns).flatMap { comparison in
      switch comparison.verdict {
      case .pair(let chosen, let rejected):
        if chosen.equals(rejected) { return [PreferenceItem(skip: .equalSides)] }
        guard options.unpairs else { return [try item(comparison, [chosen, rejected])] }
        return [
          try item(comparison, [chosen], isDesirable: true),
          try item(comparison, [rejected], isDesirable: false),
        ]
      case .single(let answer, let isDesirable):
        return [try item(comparison, [answer], isDesirable: isDesirable)]
      }
    }
  }

  private func item(
    _ comparison: Comparison, _ answers: [Passage], isDesirable: Bool? = nil
  ) throws -> PreferenceItem {
    var item = PreferenceItem(isDesirable: isDesirable)
    if answers.contains(where: \.isEmpty) { item.skip = .emptySide }
    if item.skip == nil, comparison.prompt.isEmpty { item.skip = .noPrompt }
    guard item.skip == nil else { return item }
    let tokens = try renderer.tokens(
      of: comparison.prompt, with: answers, tools: comparison.tools)
    item.question = comparison.prompt.question
    item.prompt = tokens.prompt
    item.promptHash = tokens.prompt.reduce(into: .start) { $0.mix($1) }
    item.losesPromptEnd = tokens.losesPromptEnd
    if let start = renderer.tokenizer.beginningOfText {
      item.isDoubled = tokens.prompt.prefix(2).elementsEqual([start, start])
    }
    if tokens.prompt.isEmpty {
      item.skip = .noPrompt
    } else if tokens.answers.contains(where: \.isEmpty) {
      item.skip = .emptySide
    } else if tokens.answers.count == 2, tokens.answers[0] == tokens.answers[1] {
      item.skip = .equalSides
    } else {
      fit(tokens.answers, into: &item)
    }
    return item
  }

  /// Takes answers as a pair's sides, and cuts what is too long.
  private func fit(_ answers: [[Int32]], into item: inout PreferenceItem) {
    let limit = options.maxTokens
    let isEnd = renderer.tokenizer.endOfGeneration.contains
    item.sides = answers.map { ids in
      PreferenceItem.Side(
        ids: ids, fullCount: ids.count, ends: ids.contains(where: isEnd))
    }
    let longest = answers.map(\.count).max() ?? 0
    guard item.prompt.count + longest > limit else { return }
    switch options.truncation {
    case .drop, .split: item.skip = .tooLong
    case .auto, .end:
      guard item.prompt.count < limit else {
        item.skip = .noRoom
        return
      }
      for (index, ids) in answers.enumerated() where item.prompt.count + ids.count > limit {
        let kept = Array(ids[..<(limit - item.prompt.count)])
        let keepsEnd = ids.lastIndex(where: isEnd).map { $0 < kept.count } ?? false
        item.sides[index] = PreferenceItem.Side(
          ids: kept, fullCount: ids.count, isCut: true, ends: keepsEnd,
          losesEnd: item.sides[index].ends && !keepsEnd)
      }
      if item.sides.count == 2, item.sides[0].ids == item.sides[1].ids {
        item.skip = .equalOnceCut
      }
    case .start:
      // Both sides keep one prompt, so the longer decides what is left of it.
      let start = renderer.tokenizer.beginningOfText
      let begins = item.prompt.first == start && start != nil
      guard limit - longest >= (begins ? 2 : 1) else {
        item.skip = .tooLong
        return
      }
      let first = item.prompt[0]
      item.prompt = Array(item.prompt.suffix(limit - longest))
      if begins { item.prompt[0] = first }
      item.isPromptCut = true
    }
  }
}

extension UInt64 {
  /// The beginning of a hash by Fowler, Noll and Vo (FNV-1a, 64 bits), here over whole tokens.
  static let start: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func mix(_ id: Int32) {
    self = (self ^ UInt64(UInt32(bitPattern: id))) &* 0x100_0000_01b3
  }
  mutating func mix(_ value: UInt64) { self = (self ^ value) &* 0x100_0000_01b3 }
}
