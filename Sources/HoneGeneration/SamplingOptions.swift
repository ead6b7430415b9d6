/// How the next token is chosen from a distribution.
///
/// The steps are those of transformers and in its order: repetition penalty, temperature, top-k,
/// top-p, min-p.
public struct SamplingOptions: Sendable, Equatable {
  /// 0 takes the likeliest token; higher flattens the distribution.
  public var temperature: Float
  /// Only the k likeliest tokens; 0 for all.
  public var topK: Int
  /// The smallest set of likeliest tokens whose probabilities reach this sum; 1 for all.
  public var topP: Float
  /// Tokens at least this likely relative to the likeliest; 0 for all.
  public var minP: Float
  /// Divides positive and multiplies negative logits of tokens already seen; 1 for none.
  ///
  /// Keskar et al., "CTRL", 2019.
  public var repetitionPenalty: Float
  public var seed: UInt64

  public init(
    temperature: Float = 0, topK: Int = 0, topP: Float = 1, minP: Float = 0,
    repetitionPenalty: Float = 1, seed: UInt64 = 0
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.seed = seed
  }

  /// The likeliest token, always.
  public static let greedy = SamplingOptions()

  /// What is wrong with the values, one sentence each.
  public var faults: [String] {
    var faults: [String] = []
    if !(temperature >= 0 && temperature.isFinite) {
      faults.append("temperature is \(temperature), expected 0 or more")
    }
    if topK < 0 { faults.append("top-k is \(topK), expected 0 (all) or more") }
    if !(topP > 0 && topP <= 1) { faults.append("top-p is \(topP), expected above 0, up to 1") }
    if !(minP >= 0 && minP <= 1) { faults.append("min-p is \(minP), expected 0 to 1") }
    if !(repetitionPenalty > 0 && repetitionPenalty.isFinite) {
      faults.append("repetition penalty is \(repetitionPenalty), expected above 0")
    }
    return faults
  }
}
