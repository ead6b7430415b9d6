import HoneModels
import HoneTensors

/// An answer's log-probability in two parts: its tokens up to the shorter answer's length, and the
/// rest.
package struct AnswerSums: Sendable, Equatable {
  package var shared: Double
  package var tail: Double

  package init(shared: Double, tail: Double) {
    self.shared = shared
    self.tail = tail
  }
}

/// What a model says of answers to prompts, token by token.
struct ScoredAnswers {
  /// One answer's tokens.
  struct Answer {
    /// Where they stand among all.
    let rows: Range<Int>
    let logProbabilities: ArraySlice<Float>
    /// A token, in nats; 0 where statistics are not wanted.
    let entropy: Double
    /// How much likelier its tokens are than what the model itself would draw: the mean of
    /// `log p - log Σ p²` (WPO's alignment).
    let alignment: Double

    func sums(sharing count: Int) -> AnswerSums {
      AnswerSums(
        shared: logProbabilities.prefix(count).reduce(0.0) { $0 + Double($1) },
        tail: logProbabilities.dropFirst(count).reduce(0.0) { $0 + Double($1) })
    }
  }

  /// All answers' log-probabilities, `[tokens]`, recorded.
  let tokens: Tensor
  private let answers: [Answer]
  /// How many tokens there are.
  let count: Int

  /// - Parameter items: prompts with answers; a prompt that stands before several answers in a row is
  ///   computed once.
  init(
    _ items: [(prompt: [Int32], answer: [Int32])], statistics: Bool, decoder: Decoder,
    adapter: any Adapter, in pass: Pass
  ) {
    var trunks: [(beginning: [Int32], continuations: [[Int32]])] = []
    var rows: [Int32] = []
    var targets: [Int32] = []
    var ranges: [Range<Int>] = []
    var end = 0  // of the tokens so far
    var promptEnd = 0
    for (prompt, answer) in items {
      precondition(!prompt.isEmpty, "an answer without anything before it")
      if trunks.last?.beginning == prompt {
        trunks[trunks.count - 1].continuations.append(answer)
      } else {
        trunks.append((prompt, [answer]))
        end += prompt.count
        promptEnd = end
      }
      let first = targets.count
      for (place, token) in answer.enumerated() {
        // The first token follows the prompt, each other one the token before it.
        rows.append(Int32(place == 0 ? promptEnd - 1 : end + place - 1))
        targets.append(token)
      }
      ranges.append(first..<targets.count)
      end += answer.count
    }
    let hidden = decoder.hiddenStates(TokenBatch(trunks), adapter: adapter, in: pass)
    let scores = decoder.tokenScores(
      hidden, rows: rows, targets: targets, statistics: statistics, adapter: adapter, in: pass)
    tokens = scores.logProbabilities
    count = targets.count
    let values = scores.logProbabilities.values
    func mean(_ values: some Collection<Double>) -> Double {
      values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
    answers = ranges.map { range in
      Answer(
        rows: range, logProbabilities: values[range],
        entropy: statistics ? mean(scores.entropies[range].map { Double($0) }) : 0,
        alignment: statistics
          ? mean(range.map { Double(values[$0]) - Double(scores.logSquareSums[$0]) }) : 0)
    }
  }

  subscript(index: Int) -> Answer { answers[index] }
}
