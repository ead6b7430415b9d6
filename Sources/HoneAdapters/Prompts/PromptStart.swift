import HoneModels
import HoneTensors

/// Where the numbers that stand before every sequence come from.
enum PromptStart: String, CaseIterable {
  /// Those that the model has for a text.
  case text
  /// Embeddings of tokens drawn from the vocabulary's more common ones.
  case vocabulary
  case random

  /// What stands ahead at the start where a recipe says nothing else: instructions that suit any task.
  static let defaultText = """
    You are a helpful assistant who has studied the subject well. Give the right answer to each \
    question, briefly and exactly, in the form in which it is asked for.
    """

  static let textSummary =
    "The text to start from: its first tokens, or all of them again and again."

  /// From how many tokens of the vocabulary is drawn. Lester et al. 2021 draw from the 5,000 most
  /// common; vocabularies of merged pairs have common tokens first.
  private static let commonTokens = 5000

  /// Embeddings to start from, `[count x hidden]`.
  func embeddings(
    _ count: Int, text: String, of model: LanguageModel, engine: Engine, seed: UInt64,
    subject: String
  ) throws -> Tensor {
    let source = RandomSource(seed: seed, purpose: "\(subject) start")
    let known = Double(min(Self.commonTokens, model.tokenizer.vocabularyCount))
    let drawn = (0..<count).map { Int32(source.uniform(UInt64($0)) * known) }
    func rows(_ ids: [Int32]) -> Tensor {
      embedded(ids, in: model.decoder.embedding, pass: Pass(engine))
    }
    switch self {
    case .text: return rows(try model.promptIDs(of: text, count: count, subject: subject))
    case .vocabulary: return rows(drawn)
    case .random:
      // As wide as real embeddings are; peft's deviation of 1 is far outside of them.
      let samples = rows(drawn).values
      let square = samples.reduce(0) { $0 + Double($1) * Double($1) } / Double(samples.count)
      return engine.normal(
        [count, model.spec.hiddenSize], deviation: square.squareRoot(), seed: seed,
        purpose: "\(subject) rows")
    }
  }
}

extension LanguageModel {
  /// As many tokens of a text as are asked for: its first, or all of them again and again; with the
  /// special tokens that the tokenizer adds to texts.
  func promptIDs(of text: String, count: Int, subject: String) throws -> [Int32] {
    let ids = tokenizer.encode(text)
    guard !ids.isEmpty else {
      throw AdapterError(
        subject, problem: "text: has no tokens",
        advice: "give a text, or start with initialisation: random")
    }
    return (0..<count).map { ids[$0 % ids.count] }
  }
}

extension Engine {
  /// Normal random numbers around 0.
  func normal(_ shape: Shape, deviation: Double, seed: UInt64, purpose: String) -> Tensor {
    let source = RandomSource(seed: seed, purpose: purpose)
    return tensor(
      shape, (0..<shape.count).map { Float(deviation * source.normal(UInt64($0))) })
  }

  /// Uniform random numbers between `-bound` and `bound`.
  func uniform(_ shape: Shape, bound: Double, seed: UInt64, purpose: String) -> Tensor {
    let source = RandomSource(seed: seed, purpose: purpose)
    return tensor(
      shape, (0..<shape.count).map { Float(bound * (2 * source.uniform(UInt64($0)) - 1)) })
  }
}
