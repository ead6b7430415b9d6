import HoneModels
import HoneTensors

extension Generator {
  /// What a text is about: the mean of its tokens' last hidden states.
  ///
  /// Each text is computed by itself, so that what it gives does not depend on others.
  ///
  /// - Parameter prefix: what is read before it and has no part in the mean. It should not be empty:
  ///   all that follows rests some attention on a sequence's first token, whose state then says
  ///   little of the token itself (Xiao et al., "Efficient streaming language models with attention
  ///   sinks", 2024).
  /// - Returns: as many numbers as a hidden state has.
  /// - Throws: ``GenerationError`` for a text that is empty or does not fit the context, and when the
  ///   hidden states are not finite numbers.
  public func embedding(of tokens: [Int32], after prefix: [Int32] = []) throws -> [Float] {
    try check(tokens: tokens, of: "text")
    try check(tokens: prefix + tokens, of: "text")
    let hidden = model.decoder.hiddenStates(
      TokenBatch([prefix + tokens]), adapter: adapter, in: Pass(engine))
    let width = hidden.shape.columns
    let states = hidden.rows(prefix.count..<hidden.shape[0]).values
    let means = (0..<width).map { column in
      let sum = stride(from: column, to: states.count, by: width)
        .reduce(0.0) { $0 + Double(states[$1]) }
      return Float(sum / Double(tokens.count))
    }
    guard means.allSatisfy(\.isFinite) else {
      throw GenerationError(
        problem: "the model's hidden states are not finite numbers",
        advice: "its weights or the adapter's are damaged")
    }
    return means
  }
}
