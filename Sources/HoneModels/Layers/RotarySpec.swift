import Foundation

/// Rotary position embedding: how fast each pair of a head's numbers turns.
///
/// Su et al., "RoFormer", 2021; scaling as in transformers' `modeling_rope_utils.py`.
public struct RotarySpec: Sendable, Equatable {
  public var base: Float
  /// How many of a head's numbers turn; the rest stay.
  public var dimension: Int
  public var scaling: Scaling

  public enum Scaling: Sendable, Equatable {
    case none
    /// Positions divided by a factor.
    case linear(factor: Float)
    /// Llama 3.1: slow pairs divided by the factor, fast ones kept, those between blended.
    case llama3(
      factor: Float, lowFrequencyFactor: Float, highFrequencyFactor: Float, originalContext: Int)
    /// Each pair's frequency divided by its own number, as GGUF's `rope_freqs.weight` has them.
    case factors([Float])
    /// YaRN: slow pairs divided by the factor, fast ones kept, those between blended by their place.
    case yarn(YaRN)
    /// The base grown with texts beyond the context, so that none turns further than it was trained
    /// to.
    case dynamic(factor: Float, context: Int)
    /// Each pair's frequency divided by its own number, one for short texts and one for long ones.
    case longRoPE(LongRoPE)
  }

  /// Ding et al. 2024, https://arxiv.org/abs/2402.13753
  public struct LongRoPE: Sendable, Equatable {
    /// A number for each pair.
    public var short: [Float]
    public var long: [Float]
    /// The longest text that is turned by the short numbers.
    public var originalContext: Int
    /// What cosines and sines are multiplied by.
    public var magnitude: Float

    /// `√(1 + ln(factor) / ln(original context))`.
    static func magnitude(factor: Float, originalContext: Int) -> Float {
      factor <= 1 ? 1 : (1 + log(factor) / log(Float(originalContext))).squareRoot()
    }
  }

  /// Peng et al. 2023, https://arxiv.org/abs/2309.00071
  public struct YaRN: Sendable, Equatable {
    public var factor: Float
    public var originalContext: Int
    /// Turns within the original context above which a pair is kept, and below which it is slowed.
    public var fast: Float = 32
    public var slow: Float = 1
    /// What cosines and sines are multiplied by; nil for 0.1 ln(factor) + 1.
    public var magnitude: Float?
    /// Whether the first and the last blended pair are whole numbers.
    public var rounds = true

    /// `0.1 growth ln(factor) + 1`.
    static func magnitude(factor: Float, growth: Float = 1) -> Float {
      factor <= 1 ? 1 : 0.1 * growth * log(factor) + 1
    }
  }

  public init(base: Float, dimension: Int, scaling: Scaling = .none) {
    self.base = base
    self.dimension = dimension
    self.scaling = scaling
  }

  /// How a text of some tokens is turned: 0 as short ones are, else a number for texts that are
  /// turned alike.
  ///
  /// A text in a cache counts as the longest that the cache has room for, since what is cached is
  /// not turned again when it grows.
  func regime(length: Int) -> Int {
    switch scaling {
    case .dynamic(_, let context): length > context ? length : 0
    case .longRoPE(let rule): length > rule.originalContext ? 1 : 0
    default: 0
    }
  }

  /// Radians a position, for each pair of a short text.
  var frequencies: [Float] { frequencies(regime: 0) }

  /// Radians a position, for each pair; computed in f32 step by step as transformers does.
  func frequencies(regime: Int) -> [Float] {
    func powers(_ base: Float) -> [Float] {
      (0..<dimension / 2).map { pair in pow(base, Float(2 * pair) / Float(dimension)) }
    }
    let plain = powers(base).map { 1 / $0 }
    switch scaling {
    case .none: return plain
    case .dynamic(let factor, let context):
      guard regime > 0 else { return plain }
      let stretch = factor * Float(regime) / Float(context) - (factor - 1)
      return powers(base * pow(stretch, Float(dimension) / Float(dimension - 2))).map { 1 / $0 }
    case .longRoPE(let rule):
      return zip(powers(base), regime == 0 ? rule.short : rule.long).map { 1 / ($1 * $0) }
    case .linear(let factor): return plain.map { $0 / factor }
    case .factors(let factors): return zip(plain, factors).map { $0 / $1 }
    case .yarn(let yarn):
      /// The pair that turns so often within the original context.
      func place(_ turns: Float) -> Float {
        Float(dimension) * log(Float(yarn.originalContext) / (turns * 2 * Float.pi))
          / (2 * log(base))
      }
      var (low, high) = (place(yarn.fast), place(yarn.slow))
      if yarn.rounds { (low, high) = (low.rounded(.down), high.rounded(.up)) }
      (low, high) = (max(low, 0), min(high, Float(dimension - 1)))
      if low == high { high += 0.001 }
      return plain.enumerated().map { pair, frequency in
        let slowed = min(max((Float(pair) - low) / (high - low), 0), 1)
        return frequency / yarn.factor * slowed + frequency * (1 - slowed)
      }
    case .llama3(let factor, let low, let high, let context):
      let longest = Float(context) / low
      let shortest = Float(context) / high
      return plain.map { frequency in
        let wavelength = 2 * Float.pi / frequency
        if wavelength < shortest { return frequency }
        if wavelength > longest { return frequency / factor }
        let smooth = (Float(context) / wavelength - low) / (high - low)
        return (1 - smooth) * frequency / factor + smooth * frequency
      }
    }
  }
}

extension RotarySpec {
  /// What cosines and sines are multiplied by.
  var magnitude: Float {
    switch scaling {
    case .yarn(let yarn): yarn.magnitude ?? YaRN.magnitude(factor: yarn.factor)
    case .longRoPE(let rule): rule.magnitude
    default: 1
    }
  }
}
