import HoneText

/// The state of a generation of many prompts: which is decoded in which slot, and what came so far.
struct Run {
  private struct Sequence {
    var sampler: Sampler
    var decoder: StreamDecoder
    var matcher: StopMatcher
    let endTokens: Set<Int32>
    let maximumTokens: Int
    let constraint: TokenConstraint?
    var place: TokenConstraint.Place?
    var completion = Generator.Completion(tokens: [], text: "", reason: .cancelled)
  }

  private let prompts: [[Int32]]
  private let tokenizer: Tokenizer
  private var sequences: [Sequence]
  /// The prompt in each slot, and whether it has been read.
  private var slots: [(prompt: Int, isRead: Bool)?] = []
  private var next = 0

  /// - Parameters:
  ///   - prefix: tokens before all prompts.
  ///   - endTokens: the model's own, which end every sequence.
  ///   - context: the most tokens of a sequence, the prefix included.
  init(
    prompts: [Generator.Prompt], prefix: [Int32], endTokens: Set<Int32>, context: Int = .max,
    tokenizer: Tokenizer
  ) {
    self.prompts = prompts.map(\.tokens)
    self.tokenizer = tokenizer
    sequences = prompts.map { prompt in
      var sequence = Sequence(
        sampler: Sampler(
          prompt.sampling, sequence: prompt.stream, prompt: prefix + prompt.tokens),
        decoder: StreamDecoder(tokenizer, skippingSpecialTokens: true),
        matcher: StopMatcher(prompt.constraint == nil ? prompt.stop.strings : []),
        endTokens: endTokens.union(prompt.stop.tokens),
        maximumTokens: prompt.constraint == nil
          ? prompt.stop.maximumTokens
          : min(prompt.stop.maximumTokens, context - prefix.count - prompt.tokens.count),
        constraint: prompt.constraint,
        place: prompt.constraint?.start)
      if prompt.stop.maximumTokens <= 0 { sequence.completion.reason = .length }
      return sequence
    }
    skipEmpty()
  }

  /// Passes over prompts that no token is wanted of.
  private mutating func skipEmpty() {
    while next < prompts.count, sequences[next].maximumTokens <= 0 { next += 1 }
  }

  /// Puts waiting prompts into free slots; false when nothing is left to do.
  mutating func fill(slots count: Int) -> Bool {
    if slots.isEmpty { slots = Array(repeating: nil, count: count) }
    for slot in slots.indices where slots[slot] == nil && next < prompts.count {
      slots[slot] = (next, false)
      next += 1
      skipEmpty()
    }
    return slots.contains { $0 != nil }
  }

  /// The prompt of a slot that has not been read yet.
  func waiting(in slot: Int) -> [Int32]? {
    guard let place = slots[slot], !place.isRead else { return nil }
    return prompts[place.prompt]
  }

  /// Slots whose sequences go on.
  var activeSlots: [Int] { slots.indices.filter { slots[$0]?.isRead == true } }

  /// The newest token of a slot.
  func last(in slot: Int) -> Int32 {
    guard let place = slots[slot], let token = sequences[place.prompt].completion.tokens.last else {
      preconditionFailure("slot \(slot) has no token yet")
    }
    return token
  }

  /// Chooses a slot's next token; returns text to show, if there is some.
  ///
  /// - Parameter isFull: whether the token has no place in the cache, so that it is the last.
  mutating func take(
    _ logits: UnsafeMutableBufferPointer<Float>, in slot: Int, isFull: Bool
  ) throws -> Generator.Piece? {
    guard let prompt = slots[slot]?.prompt else { return nil }
    slots[slot]?.isRead = true
    if let constraint = sequences[prompt].constraint, let place = sequences[prompt].place {
      try constraint.mask(
        logits, at: place, endTokens: sequences[prompt].endTokens,
        tokensLeft: sequences[prompt].maximumTokens - sequences[prompt].completion.tokens.count)
    }
    let token = try sequences[prompt].sampler.next(logits)
    var text = ""
    if sequences[prompt].endTokens.contains(token) {
      text = finish(slot, .stop)
    } else {
      sequences[prompt].completion.tokens.append(token)
      let (shown, met) = sequences[prompt].matcher.append(sequences[prompt].decoder.append(token))
      text = shown
      if met {
        sequences[prompt].completion.text += text
        sequences[prompt].completion.reason = .stop
        slots[slot] = nil
        return text.isEmpty ? nil : Generator.Piece(prompt: prompt, text: text)
      }
      if let constraint = sequences[prompt].constraint, let place = sequences[prompt].place {
        let after = constraint.place(after: token, at: place, bytes: tokenizer.bytes(of: token))
        sequences[prompt].place = after
        if constraint.mustEnd(after) {
          text += finish(slot, .stop)
          sequences[prompt].completion.text += text
          return text.isEmpty ? nil : Generator.Piece(prompt: prompt, text: text)
        }
      }
      if isFull || sequences[prompt].completion.tokens.count >= sequences[prompt].maximumTokens {
        text += finish(slot, .length)
      }
    }
    sequences[prompt].completion.text += text
    return text.isEmpty ? nil : Generator.Piece(prompt: prompt, text: text)
  }

  /// Ends a slot's sequence; returns the text that was held back.
  private mutating func finish(_ slot: Int, _ reason: StopReason) -> String {
    guard let prompt = slots[slot]?.prompt else { return "" }
    slots[slot] = nil
    sequences[prompt].completion.reason = reason
    let (shown, met) = sequences[prompt].matcher.append(sequences[prompt].decoder.finish())
    return met ? shown : shown + sequences[prompt].matcher.finish()
  }

  var completions: [Generator.Completion] { sequences.map(\.completion) }
}
